/**
 * Lists of strings, typed one a line, and mappings of them, typed `name = value` a line.
 *
 * White space around a name or value is not part of it. What does not fit lines is typed as JSON, which is told by the
 * bracket that it begins with: so every value can be typed, and none is changed by being shown.
 */

import type { JsonSchema } from "./json-schema";
import { faultOfCount, faultOfText, isObject, type Reading, readJson } from "./scalar-values";
import type { FieldSpecification } from "./schema-fields";

interface Line {
  text: string;
  number: number;
}

function linesOf(text: string): Line[] {
  return text
    .split("\n")
    .map((line, at) => ({ text: line.trim(), number: at + 1 }))
    .filter((line) => line.text !== "");
}

const isString = (value: unknown): value is string => typeof value === "string";
const fitsLine = (text: string): boolean => text === text.trim() && !/[\r\n]/.test(text);

const NO_LIST = "What begins with `[` must be a JSON array of strings.";
const NO_MAPPING = "What begins with `{` must be a JSON object of strings.";

export function readList({ schema }: FieldSpecification, text: string): Reading {
  const entries = text.trim().startsWith("[") ? entriesOfArray(text) : linesOf(text).map(placedAtLine);
  if (entries === null) return { error: NO_LIST };
  for (const { text: entry, where } of entries) {
    const fault = faultOfText(schema.items ?? {}, entry);
    if (fault) return { error: `${where}: ${fault}` };
  }
  const fault = faultOfCount(schema.minItems, schema.maxItems, entries.length);
  return fault ? { error: fault } : { value: entries.map((entry) => entry.text) };
}

const placedAtLine = ({ text, number }: Line) => ({ text, where: `Line ${number}` });

function entriesOfArray(text: string): { text: string; where: string }[] | null {
  const read = readJson(text);
  if (!("value" in read && Array.isArray(read.value) && read.value.every(isString))) return null;
  return read.value.map((entry, at) => ({ text: entry, where: `Entry ${at + 1}` }));
}

export function typedList(value: unknown): string {
  const isLines =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((entry) => isString(entry) && entry !== "" && fitsLine(entry)) &&
    !value[0].startsWith("[");
  return isLines ? value.join("\n") : JSON.stringify(value, null, 2);
}

export function readMapping({ schema }: FieldSpecification, text: string): Reading {
  const pairs = text.trim().startsWith("{") ? pairsOfObject(text) : pairsOfLines(text);
  if ("error" in pairs) return pairs;
  for (const { name, value, where } of pairs.found) {
    const fault = faultOfText(schema.propertyNames ?? {}, name) ?? faultOfText(valuesOf(schema), value);
    if (fault) return { error: `${where}: ${fault}` };
  }
  const fault = faultOfCount(schema.minProperties, schema.maxProperties, pairs.found.length);
  return fault ? { error: fault } : { value: Object.fromEntries(pairs.found.map(({ name, value }) => [name, value])) };
}

const valuesOf = ({ additionalProperties }: JsonSchema): JsonSchema =>
  isObject(additionalProperties) ? additionalProperties : {};

type Pairs = { found: { name: string; value: string; where: string }[] } | { error: string };

function pairsOfLines(text: string): Pairs {
  const found = new Map<string, { name: string; value: string; where: string }>();
  for (const { text: line, number } of linesOf(text)) {
    const at = line.indexOf("=");
    const name = line.slice(0, at).trim();
    if (at < 0 || name === "") return { error: `Line ${number}: This must be \`name = value\`.` };
    if (found.has(name)) return { error: `Line ${number}: \`${name}\` is there twice.` };
    found.set(name, { name, value: line.slice(at + 1).trim(), where: `Line ${number}` });
  }
  return { found: [...found.values()] };
}

function pairsOfObject(text: string): Pairs {
  const read = readJson(text);
  if (!("value" in read && isObject(read.value) && Object.values(read.value).every(isString)))
    return { error: NO_MAPPING };
  const entries = Object.entries(read.value as Record<string, string>);
  return { found: entries.map(([name, value]) => ({ name, value, where: `\`${name}\`` })) };
}

export function typedMapping(value: unknown): string {
  const pairs = isObject(value) ? Object.entries(value) : [];
  const isLines =
    pairs.length > 0 &&
    pairs.every(([name, text]) => /^[^=]+$/.test(name) && fitsLine(name) && isString(text) && fitsLine(text)) &&
    !pairs[0]?.[0].startsWith("{");
  return isLines ? pairs.map(([name, text]) => `${name} = ${text}`).join("\n") : JSON.stringify(value, null, 2);
}
