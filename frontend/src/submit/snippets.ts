/** The call that the form makes, for a shell and for Python. */
import { API_PATH } from "@/api/client";

export type Submission = Record<string, unknown> & { task_type: string };

/** The API as it is reached from outside: on the page's own origin. */
export const apiAddress = (): string => `${window.location.origin}${API_PATH}`;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function curlFor(api: string, submission: Submission, idempotencyKey?: string): string {
  const lines = [`curl ${api}/tasks`, "-H 'Content-Type: application/json'"];
  if (idempotencyKey) lines.push(`-H ${quoted(`Idempotency-Key: ${idempotencyKey}`)}`);
  lines.push(`-d ${quoted(JSON.stringify(submission, null, 2).replaceAll("\n", "\n  "))}`);
  return lines.join(" \\\n  ");
}

export function pythonFor(api: string, submission: Submission, idempotencyKey?: string): string {
  const { task_type, parameters = {}, ...options } = submission;
  if (idempotencyKey) options.idempotency_key = idempotencyKey;
  const values = Object.values({ task_type, parameters }).map((value) => pythonLiteral(value, "        "));
  const named = Object.entries(options).map(([name, value]) => `${name}=${pythonLiteral(value, "        ")}`);
  return [
    "from atropos_client import Client",
    "",
    `with Client(${JSON.stringify(api)}) as client:`,
    "    task = client.submit(",
    ...[...values, ...named].map((argument) => `        ${argument},`),
    "    )",
    '    print(task["task_id"])',
  ].join("\n");
}

/** JSON as Python writes it. */
export function pythonLiteral(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  if (Array.isArray(value)) return `[${value.map((item) => pythonLiteral(item, inner)).join(", ")}]`;
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([name, item]) => `${inner}${JSON.stringify(name)}: ${pythonLiteral(item, inner)},\n`);
  return `{\n${lines.join("")}${indent}}`;
}
