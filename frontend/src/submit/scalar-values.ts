/** Single values as they are typed, to the JSON that the API takes. */
import type { JsonSchema } from "./json-schema";
import type { FieldSpecification } from "./schema-fields";

export type Reading = { value: unknown } | { error: string };

export function readNumber({ kind, schema }: FieldSpecification, text: string): Reading {
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

/** What is wrong with a text; null where nothing is. */
export function faultOfText({ minLength = 0, maxLength, pattern }: JsonSchema, text: string): string | null {
  const length = [...text].length;
  if (length < minLength) return `This needs at least ${minLength} character${minLength === 1 ? "" : "s"}.`;
  if (maxLength !== undefined && length > maxLength) return `This may have at most ${maxLength} characters.`;
  return pattern && !matches(pattern, text) ? `This must match ${pattern}` : null;
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

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object that is JSON here; an empty one where none is. */
export function objectIn(text: string): Record<string, unknown> {
  const read = readJson(text);
  return "value" in read && isObject(read.value) ? read.value : {};
}

/** The list that is JSON here; an empty one where none is. */
export function listIn(text: string): unknown[] {
  const read = readJson(text);
  return "value" in read && Array.isArray(read.value) ? read.value : [];
}

/** What is wrong with the number of entries; null where nothing is. */
export function faultOfCount(least = 0, most = Number.POSITIVE_INFINITY, count = 0): string | null {
  if (count < least) return `This needs at least ${least}.`;
  return count > most ? `These may be ${most} at most.` : null;
}
