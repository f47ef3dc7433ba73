/** What is typed into a form, as text, to and from the JSON that the API takes. */
import { readList, readMapping, typedList, typedMapping } from "./line-values";
import {
  faultOfCount,
  faultOfText,
  isObject,
  listIn,
  objectIn,
  type Reading,
  readJson,
  readNumber,
} from "./scalar-values";
import { type FieldSpecification, MORE } from "./schema-fields";
import { readSource } from "./source";

/** By name, as typed; empty means not given. */
export type Typed = Record<string, string>;
/** By name: what is wrong. */
export type FieldErrors = Record<string, string>;

/** Text as the field's JSON value, or why it is none; undefined when it is not given. */
export function readField(field: FieldSpecification, text: string): Reading | undefined {
  if (isEmpty(field, text)) return field.isRequired ? { error: "This is required." } : undefined;
  switch (field.kind) {
    case "number":
    case "integer":
      return readNumber(field, text);
    case "text":
      return readText(field, text);
    case "list":
      return readList(field, text);
    case "mapping":
      return readMapping(field, text);
    case "choices":
      return readChoices(field, text);
    case "object":
      return readObject(field, typedObject(text));
    case "objects":
      return readObjects(field, text);
    case "source":
      return readSource(text);
    default:
      return readJson(text);
  }
}

/** Some that are required may be empty: a text of no characters, an object of defaults. */
function isEmpty({ kind, isRequired, schema }: FieldSpecification, text: string): boolean {
  if (kind === "list" || kind === "mapping") return text.trim() === "";
  return text === "" && !(isRequired && (kind === "object" || (kind === "text" && faultOfText(schema, "") === null)));
}

function readText({ schema }: FieldSpecification, text: string): Reading {
  const fault = faultOfText(schema, text);
  return fault ? { error: fault } : { value: text };
}

function readChoices({ schema }: FieldSpecification, text: string): Reading {
  const chosen = listIn(text);
  const fault = faultOfCount(schema.minItems, schema.maxItems, chosen.length);
  return fault ? { error: fault } : { value: chosen };
}

function readObject({ fields = [] }: FieldSpecification, typed: Typed): Reading {
  const { parameters, errors } = readParameters(fields, typed);
  const wrong = fields.find(({ name }) => errors[name]);
  return wrong ? { error: `${wrong.title}: ${errors[wrong.name]}` } : { value: parameters };
}

function readObjects(field: FieldSpecification, text: string): Reading {
  const values: unknown[] = [];
  for (const [at, typed] of typedObjects(text).entries()) {
    const read = readObject(field, typed);
    if ("error" in read) return { error: `${field.itemTitle} ${at + 1}, ${read.error}` };
    values.push(read.value);
  }
  const fault = faultOfCount(field.schema.minItems, field.schema.maxItems, values.length);
  return fault ? { error: fault } : { value: values };
}

/** What is typed into the fields of an object, which is itself typed as JSON. */
export const typedObject = (text: string): Typed => objectIn(text) as Typed;
/** The same of each of objects. */
export const typedObjects = (text: string): Typed[] => listIn(text) as Typed[];

/** A value as it would be typed. */
export function typedFrom(field: FieldSpecification, value: unknown): string {
  const { kind, fields = [], schema } = field;
  if (value === undefined || (value === null && (kind === "source" || schema.default === null))) return "";
  if (kind === "text" && typeof value === "string") return value;
  if (kind === "list") return typedList(value);
  if (kind === "mapping") return typedMapping(value);
  if (kind === "object" && isObject(value)) return JSON.stringify(typedParameters(fields, value));
  if (kind === "objects" && Array.isArray(value)) {
    return JSON.stringify(value.map((item) => typedParameters(fields, item)));
  }
  return JSON.stringify(value, null, typeof value === "object" && kind !== "source" ? 2 : 0);
}

export interface ParameterReading {
  parameters: Record<string, unknown>;
  errors: FieldErrors;
}

/** The parameters that are given, and what is wrong with them. */
export function readParameters(fields: readonly FieldSpecification[], typed: Typed): ParameterReading {
  const errors: FieldErrors = {};
  const parameters: Record<string, unknown> = {};
  let more: Record<string, unknown> = {};
  for (const field of fields) {
    const read = readField(field, typed[field.name] ?? "");
    if (!read) continue;
    if ("error" in read) errors[field.name] = read.error;
    else if (field.name !== MORE) parameters[field.name] = read.value;
    else if (isObject(read.value)) more = read.value;
    else errors[MORE] = "This must be a JSON object.";
  }
  return { parameters: { ...more, ...parameters }, errors };
}

/** Parameters as they would be typed, those without a field together. */
export function typedParameters(fields: readonly FieldSpecification[], parameters: Record<string, unknown>): Typed {
  const more = { ...parameters };
  const typed: Typed = {};
  for (const field of fields) {
    typed[field.name] = typedFrom(field, parameters[field.name]);
    delete more[field.name];
  }
  if (Object.keys(more).length > 0) typed[MORE] = JSON.stringify(more, null, 2);
  return typed;
}
