/** The options of a submission: everything but its type and parameters. */
import { parseLabel } from "@/api/labels";
import type { TaskDetail } from "@/api/types";
import { type FieldErrors, readField, type Typed } from "./field-values";
import type { FieldSpecification, JsonSchema } from "./schema-fields";

export const IDEMPOTENCY_KEY = "idempotency-key";
const LONGEST_SECONDS = 316_224_000;

function option(
  name: string,
  title: string,
  kind: "number" | "integer" | "text",
  schema: JsonSchema,
): FieldSpecification {
  return { name, title, kind, isRequired: false, schema, choices: [] };
}

export const OPTION_FIELDS: readonly FieldSpecification[] = [
  option("priority", "Priority", "integer", {
    minimum: 0,
    maximum: 9,
    default: 5,
    description: "Greater runs sooner.",
  }),
  option("delay_seconds", "Delay, seconds", "number", {
    minimum: 0,
    maximum: LONGEST_SECONDS,
    default: 0,
    description: "Run it after this long.",
  }),
  option("max_retries", "Retries", "integer", {
    minimum: 0,
    maximum: 100,
    description: "Attempts after the first, at most. Empty: as the type has it.",
  }),
  option("timeout_seconds", "Timeout, seconds", "number", {
    exclusiveMinimum: 0,
    maximum: LONGEST_SECONDS,
    description: "Stop an attempt that runs longer. Empty: as the type has it.",
  }),
  option(IDEMPOTENCY_KEY, "Idempotency key", "text", {
    pattern: "^[\\x20-\\x7e]{1,255}$",
    description: "Sent again with the same task, it finds the first one.",
  }),
];

/** One label a line. */
export const LABELS = "labels";

export interface OptionReading {
  options: Record<string, unknown>;
  idempotencyKey: string | undefined;
  errors: FieldErrors;
}

export function readOptions(typed: Typed): OptionReading {
  const errors: FieldErrors = {};
  const given: Record<string, unknown> = {};
  for (const field of OPTION_FIELDS) {
    const read = readField(field, typed[field.name] ?? "");
    if (!read) continue;
    if ("error" in read) errors[field.name] = read.error;
    else given[field.name] = read.value;
  }
  const { [IDEMPOTENCY_KEY]: key, ...options } = given;
  const labels = readLabels(typed[LABELS] ?? "", errors);
  if (Object.keys(labels).length > 0) options.labels = labels;
  return { options, idempotencyKey: key as string | undefined, errors };
}

function readLabels(text: string, errors: FieldErrors): Record<string, string> {
  const lines = text.split("\n").map((line) => line.trim());
  const labels: Record<string, string> = {};
  for (const line of lines.filter(Boolean)) {
    const label = parseLabel(line);
    if (label) labels[label[0]] = label[1];
    else errors[LABELS] = `${line}: a label is key=value.`;
  }
  return labels;
}

/** The options of a task, for its clone; its key is its own. */
export function typedOptions(task: TaskDetail): Typed {
  const labels = Object.entries(task.labels).map(([key, value]) => `${key}=${value}`);
  return {
    priority: String(task.priority),
    max_retries: String(task.max_retries),
    timeout_seconds: task.timeout_seconds === null ? "" : String(task.timeout_seconds),
    [LABELS]: labels.join("\n"),
  };
}
