/** The fields of a form, made from the JSON Schema of a task type's parameters. */
import type { JsonSchema, Section } from "./json-schema";
import { isSourceSchema } from "./source";
import { sentenceCase, titleOf } from "./titles";

export type FieldKind =
  | "number"
  | "integer"
  | "text"
  | "boolean"
  | "choice"
  /** A list of those. */
  | "choices"
  /** Of strings, one a line. */
  | "list"
  | "mapping"
  /** A fieldset of its own fields. */
  | "object"
  | "objects"
  | "json"
  /** Text whose lines somebody else reads. */
  | "lines"
  | "source";

export interface FieldSpecification {
  name: string;
  title: string;
  kind: FieldKind;
  isRequired: boolean;
  schema: JsonSchema;
  /** Of a choice and of choices, as JSON. */
  choices: string[];
  section?: Section | undefined;
  /** Of an object, and of each of objects. */
  fields?: FieldSpecification[];
  /** What one of objects is called. */
  itemTitle?: string;
}

/** The name under which the object with all other parameters is typed; no parameter can have it. */
export const MORE = " more";

/** Follows references into `$defs`, and looks through what only wraps one schema or adds null to it. */
function resolve(schema: JsonSchema, root: JsonSchema, depth = 0): JsonSchema {
  if (depth > 16) return schema;
  const { $ref, allOf, anyOf, oneOf, ...own } = schema;
  const target = $ref?.startsWith("#/$defs/") ? root.$defs?.[$ref.slice("#/$defs/".length)] : undefined;
  if (target) return { ...resolve(target, root, depth + 1), ...own };
  const choices = (anyOf ?? oneOf ?? allOf ?? []).filter(({ type }) => type !== "null");
  const only = choices.length === 1 ? choices[0] : undefined;
  return only ? { ...resolve(only, root, depth + 1), ...own } : schema;
}

/** The schema with those that its entries must match. */
function resolveDeep(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const { items, additionalProperties, ...resolved } = resolve(schema, root);
  return {
    ...resolved,
    ...(items && { items: resolve(items, root) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === "object" ? resolve(additionalProperties, root) : additionalProperties,
    }),
  };
}

/** Where null means something else than what is left out, it has to be typed as such. */
const hasMeaningfulNull = ({ anyOf, oneOf, default: preset }: JsonSchema): boolean =>
  preset !== null && (anyOf ?? oneOf ?? []).some(({ type }) => type === "null");

function kindOf(schema: JsonSchema, root: JsonSchema, isInside: boolean): FieldKind {
  if (isSourceSchema((schema.oneOf ?? []).map((choice) => resolve(choice, root)))) return isInside ? "json" : "source";
  if (schema.enum || schema.const !== undefined) return "choice";
  switch (schema.type) {
    case "number":
    case "integer":
    case "boolean":
      return schema.type;
    case "string":
      return "text";
    case "array":
      return kindOfArray(schema, isInside);
    case "object":
      return kindOfObject(schema, isInside);
    default:
      return "json";
  }
}

/** Objects inside objects stay JSON. */
function kindOfArray({ items = {} }: JsonSchema, isInside: boolean): FieldKind {
  if (items.enum) return "choices";
  if (items.type === "string") return "list";
  return items.type === "object" && kindOfObject(items, isInside) === "object" ? "objects" : "json";
}

function kindOfObject({ properties, additionalProperties }: JsonSchema, isInside: boolean): FieldKind {
  if (properties) return isInside || additionalProperties ? "json" : "object";
  const values = typeof additionalProperties === "object" ? additionalProperties : {};
  return values.type === "string" && !values.enum ? "mapping" : "json";
}

export function fieldsOf(root: JsonSchema, isInside = false): FieldSpecification[] {
  return Object.entries(root.properties ?? {}).map(([name, property]) => {
    const schema = resolveDeep(property, root);
    const found = kindOf(schema, root, isInside);
    const kind = found !== "source" && hasMeaningfulNull(property) ? "json" : found;
    const field: FieldSpecification = {
      name,
      title: titleOf(name, property.title),
      kind,
      isRequired: root.required?.includes(name) ?? false,
      schema,
      choices: choicesOf(kind === "choices" ? (schema.items ?? {}) : schema),
      section: schema["x-section"],
    };
    const inside = kind === "objects" ? schema.items : schema;
    if (inside && (kind === "object" || kind === "objects")) {
      field.fields = fieldsOf({ ...inside, ...(root.$defs && { $defs: root.$defs }) }, true);
      field.itemTitle = sentenceCase(inside.title ?? "Entry");
    }
    return field;
  });
}

const choicesOf = (schema: JsonSchema): string[] =>
  (schema.enum ?? (schema.const === undefined ? [] : [schema.const])).map((choice) => JSON.stringify(choice));

/** Names that are not in the schema, where there may be any, or are. */
export function moreFieldOf({ additionalProperties }: JsonSchema, isThere: boolean): FieldSpecification[] {
  if (additionalProperties === false && !isThere) return [];
  return [
    {
      name: MORE,
      title: "More parameters",
      kind: "json",
      isRequired: false,
      schema: { description: "A JSON object with names that this type does not list.", examples: [{ colour: "red" }] },
      choices: [],
      section: typeof additionalProperties === "object" ? additionalProperties["x-section"] : undefined,
    },
  ];
}

/** The name of the first parameter that takes a file. */
export const sourceNameOf = (root: JsonSchema): string | undefined =>
  fieldsOf(root).find(({ kind }) => kind === "source")?.name;
