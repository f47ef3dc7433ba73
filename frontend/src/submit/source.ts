/** What a parameter of the type `Source` says: an upload, an address or an artifact, typed as the API's own JSON. */
import type { JsonSchema } from "./json-schema";

/** As in services/core/atropos_core/sources.py. */
export type Source = { file_id: string } | { url: string } | { task_id: string; artifact: string };
export type SourceKind = "upload" | "address" | "artifact";

const LONGEST_ADDRESS = 4_096;
const ADDRESS = /^https?:\/\/\S+$/;
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export const isTaskId = (text: string): boolean => UUID.test(text);

/** What is typed once somebody has chosen how, and nothing else yet. */
const BEGUN: Record<SourceKind, Source> = {
  upload: { file_id: "" },
  address: { url: "" },
  artifact: { task_id: "", artifact: "" },
};

export const typedSource = (source: Source): string => JSON.stringify(source);
export const begunSource = (kind: SourceKind): string => typedSource(BEGUN[kind]);

/** The source that is typed, whole or begun; null where there is none. */
export function sourceFrom(text: string): Source | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Source) : null;
  } catch {
    return null;
  }
}

export function kindOfSource(source: Source): SourceKind {
  if ("file_id" in source) return "upload";
  return "url" in source ? "address" : "artifact";
}

/** Whether nothing was given yet beside its kind. */
export function isBegun(text: string): boolean {
  return Object.values(BEGUN).some((source) => typedSource(source) === text);
}

/** The source, or what it lacks. */
export function readSource(text: string): { value: Source } | { error: string } {
  const source = sourceFrom(text);
  const error = source ? faultOf(source) : "This is required.";
  return source && error === null ? { value: source } : { error: error ?? "" };
}

function faultOf(source: Source): string | null {
  if ("file_id" in source) return source.file_id ? null : "Choose a file, and wait until it has arrived.";
  if ("url" in source) return faultOfAddress(source.url);
  if (!isTaskId(source.task_id)) return "This must be the id of a task.";
  return source.artifact ? null : "Say which of its files.";
}

function faultOfAddress(url: string): string | null {
  if (!ADDRESS.test(url)) return "This must be an address that begins with http:// or https://.";
  return url.length > LONGEST_ADDRESS ? `This may have at most ${LONGEST_ADDRESS} characters.` : null;
}

/** Whether a schema is that of `Source`: one of three objects, told apart by these names. */
export function isSourceSchema(choices: readonly JsonSchema[]): boolean {
  const names = choices.map(({ properties }) => Object.keys(properties ?? {}).join());
  return names.sort().join(" ") === "file_id task_id,artifact url";
}
