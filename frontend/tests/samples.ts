/** Tasks and events as the API would tell them. */
import type { EventType, TaskEvent, TaskSummary } from "@/api/types";

export const TASK_ID = "019ab5c2-7d1e-7a33-9c54-2f6f0d1be0a7";
export const OTHER_ID = "019ab5c2-7d1e-7a33-9c54-2f6f0d1be0a8";

/** A moment so many seconds after ten o'clock. */
export const second = (seconds: number): string => new Date(Date.UTC(2026, 10, 24, 10, 0, seconds)).toISOString();

export function task(changes: Partial<TaskSummary> = {}): TaskSummary {
  return {
    task_id: TASK_ID,
    task_type: "default",
    status: "pending",
    attempt: 0,
    max_retries: 3,
    progress: 0,
    progress_message: null,
    created_at: second(0),
    run_at: second(0),
    started_at: null,
    finished_at: null,
    cancel_requested_at: null,
    queue: "default",
    priority: 5,
    labels: {},
    timeout_seconds: null,
    interruptions: 0,
    worker: null,
    ...changes,
  };
}

let lastId = 0;

export function event(type: EventType, seconds: number, changes: Partial<TaskEvent> = {}): TaskEvent {
  lastId += 1;
  return { id: lastId, task_id: TASK_ID, type, attempt: 1, at: second(seconds), data: {}, ...changes };
}
