/** Short names for what the API answers; all but events and files come from the generated schema. */
import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Parameters = Record<string, unknown>;
export type State = Schemas["TaskStatus"];
export type TaskError = Schemas["TaskError"];
export type TaskStatus = Schemas["TaskStatusView"];
export type TaskSummary = Schemas["TaskSummary"];
export type Task = Schemas["TaskDetail"] & { artifacts?: StoredFile[] };
export type TaskResult = Schemas["TaskResult"] & { artifacts?: StoredFile[] };
export type TaskGraph = Schemas["TaskGraph"];
export type TaskPage = Schemas["TaskPage"];
export type TaskType = Schemas["TaskTypeView"];
export type LogLine = Schemas["LogLineView"];
export type Problem = Schemas["Problem"];
export type Health = Schemas["Health"];
export type Filter = Schemas["BulkFilter"];
export type BulkResult = Schemas["BulkResult"];

/** One thing that happened to a task; streams have no schema in OpenAPI. */
export interface TaskEvent {
  id: number;
  task_id: string;
  type: Schemas["EventType"];
  attempt: number;
  at: string;
  data: Record<string, unknown>;
}

/** An upload, or an artifact of a task. */
export interface StoredFile {
  file_id: string;
  name: string;
  media_type: string;
  size_bytes: number;
  /** In hexadecimal digits. */
  sha256: string;
  created_at: string;
  /** The task whose artifact it is; null for an upload. */
  task_id: string | null;
}

/** What becomes of a task when one that it depends on ends failed or cancelled. */
export type DependencyFailure = "fail" | "cancel" | "run";

/** An earlier task of the same batch, from 0. */
export interface EntryReference {
  index: number;
}

/** What may be said of a task besides its type and parameters; docs/api.md has defaults and limits. */
export interface SubmitOptions {
  /** ISO 8601 with an offset; not together with `delay_seconds`. */
  run_at?: string;
  delay_seconds?: number;
  /** 0 to 9; greater runs sooner. */
  priority?: number;
  /** Attempts after the first. */
  max_retries?: number;
  /** Of one attempt. */
  timeout_seconds?: number;
  labels?: Record<string, string>;
  /** Ids of tasks that are to end first. */
  depends_on?: string[];
  /** `cancel` unless given. */
  on_dependency_failure?: DependencyFailure;
}

/** A task to run. */
export interface Submission extends Omit<SubmitOptions, "depends_on"> {
  task_type: string;
  parameters?: Parameters;
  /** Tasks that are to end first, also earlier ones of the same batch. */
  depends_on?: (string | EntryReference)[];
}

/** Whether a task stays in this state until somebody lets it run again. */
export function hasEnded(state: string | undefined): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}
