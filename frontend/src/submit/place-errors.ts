/** Puts what the API refused at the fields where it was made. */
import type { ApiProblem } from "@/api/client";
import type { FieldErrors } from "./field-values";
import { DEPENDENCY_FAILURE, DEPENDS_ON, IDEMPOTENCY_KEY } from "./options";
import { MORE } from "./schema-fields";

export interface PlacedErrors {
  parameters: FieldErrors;
  options: FieldErrors;
  /** What belongs to no field. */
  others: string[];
}

/** This problem names no location. */
const DEPENDENCY_NOT_FOUND = "urn:atropos:problem:dependency-not-found";

/** Before what the author of a type says of its parameters. */
const VALUE_ERROR = /^Value error, /;
/** As such a sentence names a parameter. */
const NAMED = /`([^`]+)`/;

/** Locations are `body`, perhaps the type, `parameters`, the name; or `header`, `idempotency-key`. */
export function placeErrors(problem: ApiProblem, parameterNames: readonly string[]): PlacedErrors {
  const placed: PlacedErrors = { parameters: {}, options: {}, others: [] };
  if (problem.type === DEPENDENCY_NOT_FOUND) placed.options[DEPENDS_ON] = problem.detail;
  for (const { location, message: text } of problem.errors) {
    const path = location.map(String);
    const message = text.replace(VALUE_ERROR, "");
    const inside = path.indexOf("parameters");
    if (path[0] === "header") placed.options[IDEMPOTENCY_KEY] ??= message;
    else if (inside >= 0) placeParameter(placed, path.slice(inside + 1), message, parameterNames);
    else placeOption(placed, path, message);
  }
  return placed;
}

/** What is wrong with parameters together goes to the first that is named. */
function placeParameter(placed: PlacedErrors, path: string[], message: string, names: readonly string[]): void {
  const [name = NAMED.exec(message)?.[1], ...deeper] = path;
  const isField = name !== undefined && names.includes(name);
  const where = deeper.map((part) => (/^\d+$/.test(part) ? `entry ${Number(part) + 1}` : part)).join(", ");
  if (isField) placed.parameters[name] ??= where ? `${where}: ${message}` : message;
  else if (path[0] !== undefined && names.includes(MORE)) placed.parameters[MORE] ??= `${path[0]}: ${message}`;
  else placed.others.push([...path, message].join(": "));
}

const OPTIONS = [
  "priority",
  "delay_seconds",
  "max_retries",
  "timeout_seconds",
  "labels",
  DEPENDS_ON,
  DEPENDENCY_FAILURE.name,
];

function placeOption(placed: PlacedErrors, path: string[], message: string): void {
  const option = path.find((part) => OPTIONS.includes(part));
  if (option) placed.options[option] ??= message;
  else placed.others.push(`${path.join(".")}: ${message}`);
}
