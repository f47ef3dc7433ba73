/** The fields of a form, made from the JSON Schema of a task type's parameters. */
import { isSourceSchema } from "./source";

export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
}

export type FieldKind = "number" | "integer" | "text" | "boolean" | "choice" | "json" | "lines" | "source";

export interface FieldSpecification {
  name: string;
  title: string;
  kind: FieldKind;
  isRequired: boolean;
  schema: JsonSchema;
  /** Of a choice, as JSON. */
  choices: string[];
}

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

function kindOf(schema: JsonSchema, root: JsonSchema): FieldKind {
  if (isSourceSchema((schema.oneOf ?? []).map((choice) => resolve(choice, root)))) return "source";
  if (schema.enum || schema.const !== undefined) return "choice";
  switch (schema.type) {
    case "number":
    case "integer":
    case "boolean":
      return schema.type;
    case "string":
      return "text";
    default:
      return "json";
  }
}

export function fieldsOf(root: JsonSchema): FieldSpecification[] {
  return Object.entries(root.properties ?? {}).map(([name, property]) => {
    const schema = resolve(property, root);
    const choices = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
    return {
      name,
      title: schema.title ?? name,
      kind: kindOf(schema, root),
      isRequired: root.required?.includes(name) ?? false,
      schema,
      choices: choices.map((choice) => JSON.stringify(choice)),
    };
  });
}

/** The name of the first parameter that takes a file. */
export const sourceNameOf = (root: JsonSchema): string | undefined =>
  fieldsOf(root).find(({ kind }) => kind === "source")?.name;

/** Names that are not in the schema may be given too. */
export const takesMore = (root: JsonSchema): boolean => root.additionalProperties !== false;
