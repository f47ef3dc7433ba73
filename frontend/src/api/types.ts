/** Short names for what the API answers; everything but events comes from the generated schema. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type TaskSummary = Schemas["TaskSummary"];
export type TaskDetail = Schemas["TaskDetail"];
export type TaskStatusView = Schemas["TaskStatusView"];
export type TaskGraph = Schemas["TaskGraph"];
export type TaskNode = Schemas["TaskNode"];
export type NeededTask = Schemas["NeededTask"];
export type TaskPage = Schemas["TaskPage"];
export type TaskError = Schemas["TaskError"];
export type TaskState = Schemas["TaskStatus"];
export type TaskType = Schemas["TaskTypeView"];
export type EventType = Schemas["EventType"];
export type BulkFilter = Schemas["BulkFilter"];
export type BulkResult = Schemas["BulkResult"];
export type StoredFile = Schemas["FileView"];
export type LogLine = Schemas["LogLineView"];
export type Stats = Schemas["Stats"];
export type QueueStats = Schemas["QueueStats"];
export type Pool = Schemas["PoolView"];
export type Pod = Schemas["PodView"];
export type Worker = Schemas["WorkerView"];
export type Workers = Schemas["Workers"];
export type Health = Schemas["Health"];
export type Problem = Schemas["Problem"];

export const TASK_STATES: readonly TaskState[] = ["pending", "processing", "completed", "failed", "cancelled"];

/** The `data` of a server-sent event; streams have no schema in OpenAPI. */
export interface TaskEvent {
  id: number;
  task_id: string;
  type: EventType;
  attempt: number;
  at: string;
  data: {
    worker?: string;
    seconds?: number;
    progress?: number;
    message?: string | null;
    error?: TaskError;
    run_at?: string;
    /** The queue that a task that was given back goes on in, if another. */
    queue?: string;
    /** The task because of which this one ended. */
    dependency_failed?: string;
  };
}

export const hasEnded = (state: TaskState): boolean =>
  state === "completed" || state === "failed" || state === "cancelled";
