/** What is typed into a form, as text, to and from the JSON that the API takes. */
import type { FieldSpecification } from "./schema-fields";
import { readSource } from "./source";

/** By name, as typed; empty means not given. */
export type Typed = Record<string, string>;
/** By name: what is wrong. */
export type FieldErrors = Record<string, string>;

type Reading = { value: unknown } | { error: string };

/** Text as the field's JSON value, or why it is none; undefined when it is not given. */
export function readField(field: FieldSpecification, text: string): Reading | undefined {
  if (text === "" && !(field.kind === "text" && field.isRequired)) {
    return field.isRequired ? { error: "This is required." } : undefined;
  }
  switch (field.kind) {
    case "number":
    case "integer":
      return readNumber(field, text);
    case "text":
      return readText(field, text);
    case "source":
      return readSource(text);
    default:
      return readJson(text);
  }
}

function readNumber({ kind, schema }: FieldSpecification, text: string): Reading {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return { error: "This must be a number." };
  if (kind === "integer" && !Number.isInteger(value)) return { error: "This must be a whole number." };
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && value < minimum) return { error: `This must be at least ${minimum}.` };
  if (maximum !== undefined && value > maximum) return { error: `This must be at most ${maximum}.` };
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return { error: `This must be more than ${exclusiveMinimum}.` };
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum)
    return { error: `This must be less than ${exclusiveMaximum}.` };
  return { value };
}

function readText({ schema }: FieldSpecification, text: string): Reading {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
  const length = [...text].length;
  if (length < minLength) return { error: `This needs at least ${minLength} characters.` };
  if (length > maxLength) return { error: `This may have at most ${maxLength} characters.` };
  if (pattern && !matches(pattern, text)) return { error: `This must match ${pattern}` };
  return { value: text };
}

/** A pattern that only Python understands is left to the API. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

export function readJson(text: string): Reading {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { error: `This must be JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/** A value as it would be typed. */
export function typedFrom(field: FieldSpecification, value: unknown): string {
  if (value === undefined || (value === null && field.kind === "source")) return "";
  return field.kind === "text" && typeof value === "string"
    ? value
    : JSON.stringify(value, null, isObject(value) ? 2 : 0);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export interface ParameterReading {
  parameters: Record<string, unknown>;
  errors: FieldErrors;
}

/** The name under which the object with all other parameters is typed; no parameter can have it. */
export const MORE = " more";

/** The parameters that are given, and what is wrong with them. */
export function readParameters(fields: readonly FieldSpecification[], typed: Typed): ParameterReading {
  const reading: ParameterReading = { parameters: readMore(typed[MORE] ?? ""), errors: {} };
  if (typed[MORE] && Object.keys(reading.parameters).length === 0 && typed[MORE].trim() !== "{}") {
    reading.errors[MORE] = "This must be a JSON object.";
  }
  for (const field of fields) {
    const read = readField(field, typed[field.name] ?? "");
    if (!read) continue;
    if ("error" in read) reading.errors[field.name] = read.error;
    else reading.parameters[field.name] = read.value;
  }
  return reading;
}

function readMore(text: string): Record<string, unknown> {
  const read = text === "" ? { value: {} } : readJson(text);
  return "value" in read && isObject(read.value) && !Array.isArray(read.value) ? { ...read.value } : {};
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
