/** The options of a submission: everything but its type and parameters. */
import { parseLabel } from "@/api/labels";
import type { TaskDetail } from "@/api/types";
import { type FieldErrors, readField, type Typed, typedFrom } from "./field-values";
import type { JsonSchema } from "./json-schema";
import type { FieldSpecification } from "./schema-fields";
import { isTaskId } from "./source";

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

/** Ids of tasks, between white space or commas. */
export const DEPENDS_ON = "depends_on";
const MAXIMUM_DEPENDENCIES = 100;

/** What follows when one of these tasks does not complete; without any it says nothing. */
export const DEPENDENCY_FAILURE: FieldSpecification = {
  name: "on_dependency_failure",
  title: "If one of them fails",
  kind: "choice",
  isRequired: false,
  schema: {
    default: "cancel",
    description: "Or is cancelled: cancel this task too, let it fail too, or run it once all have ended.",
  },
  choices: ['"cancel"', '"fail"', '"run"'],
};

export interface OptionReading {
  options: Record<string, unknown>;
  idempotencyKey: string | undefined;
  errors: FieldErrors;
}

/** With the tasks that it has to wait for, whatever is typed. */
export function readOptions(typed: Typed, awaited: readonly string[] = []): OptionReading {
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
  Object.assign(options, readDependencies(typed, awaited, errors));
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

/** What it depends on, and what follows when one of that fails. */
function readDependencies(typed: Typed, awaited: readonly string[], errors: FieldErrors): Record<string, unknown> {
  const ids = (typed[DEPENDS_ON] ?? "")
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  const wrong = ids.find((id) => !isTaskId(id));
  const needed = [...new Set([...ids, ...awaited])];
  if (wrong) errors[DEPENDS_ON] = `${wrong}: this must be the id of a task.`;
  else if (needed.length > MAXIMUM_DEPENDENCIES) errors[DEPENDS_ON] = `These may be ${MAXIMUM_DEPENDENCIES} at most.`;
  if (needed.length === 0) return {};
  const onFailure = readField(DEPENDENCY_FAILURE, typed[DEPENDENCY_FAILURE.name] ?? "");
  const given = onFailure && "value" in onFailure ? { [DEPENDENCY_FAILURE.name]: onFailure.value } : {};
  return { [DEPENDS_ON]: needed, ...given };
}

/** The options of a task, for its clone; its key is its own. */
export function typedOptions(task: TaskDetail): Typed {
  const labels = Object.entries(task.labels).map(([key, value]) => `${key}=${value}`);
  return {
    priority: String(task.priority),
    max_retries: String(task.max_retries),
    timeout_seconds: task.timeout_seconds === null ? "" : String(task.timeout_seconds),
    [LABELS]: labels.join("\n"),
    [DEPENDS_ON]: (task.depends_on ?? []).join("\n"),
    [DEPENDENCY_FAILURE.name]: typedFrom(DEPENDENCY_FAILURE, task.on_dependency_failure ?? undefined),
  };
}
