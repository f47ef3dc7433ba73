/** Puts what the API refused at the fields where it was made. */
import type { ApiProblem } from "@/api/client";
import { type FieldErrors, MORE } from "./field-values";
import { DEPENDENCY_FAILURE, DEPENDS_ON, IDEMPOTENCY_KEY } from "./options";

export interface PlacedErrors {
  parameters: FieldErrors;
  options: FieldErrors;
  /** What belongs to no field. */
  others: string[];
}

/** This problem names no location. */
const DEPENDENCY_NOT_FOUND = "urn:atropos:problem:dependency-not-found";

/** Locations are `body`, perhaps the type, `parameters`, the name; or `header`, `idempotency-key`. */
export function placeErrors(problem: ApiProblem, parameterNames: readonly string[]): PlacedErrors {
  const placed: PlacedErrors = { parameters: {}, options: {}, others: [] };
  if (problem.type === DEPENDENCY_NOT_FOUND) placed.options[DEPENDS_ON] = problem.detail;
  for (const { location, message } of problem.errors) {
    const path = location.map(String);
    const inside = path.indexOf("parameters");
    const name = path[inside + 1];
    if (path[0] === "header") placed.options[IDEMPOTENCY_KEY] ??= message;
    else if (inside >= 0 && name !== undefined) {
      const deeper = path.slice(inside + 2).join(".");
      const field = parameterNames.includes(name) ? name : MORE;
      const where = field === MORE ? `${name}: ` : deeper && `${deeper}: `;
      placed.parameters[field] ??= `${where}${message}`;
    } else placeOption(placed, path, message);
  }
  return placed;
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
