/** What an event changes in the tasks that the page holds, so that it shows before anything is fetched again. */
import type { EventType, TaskEvent, TaskPage, TaskState, TaskSummary } from "@/api/types";

/** The state after an event; events that change none are missing. */
const STATE_AFTER: Partial<Record<EventType, TaskState>> = {
  started: "processing",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
  retry_scheduled: "pending",
  interrupted: "pending",
  rescued: "pending",
  retried: "pending",
};

export const changesState = (event: TaskEvent): boolean => event.type === "submitted" || event.type in STATE_AFTER;

/** An answer may be newer than an event that arrives after it. */
function isStale(task: TaskSummary, event: TaskEvent): boolean {
  const latest = task.finished_at ?? (task.status === "processing" ? task.started_at : null) ?? task.created_at;
  return Date.parse(event.at) < Date.parse(latest);
}

function changeFrom(task: TaskSummary, event: TaskEvent): Partial<TaskSummary> {
  const { data, at, attempt } = event;
  switch (event.type) {
    case "started":
      return { attempt, started_at: at, worker: data.worker ?? task.worker, progress: 0, progress_message: null };
    case "progressed":
      // An answer may know more already: within an attempt it never goes back.
      return task.status === "processing" && task.attempt === attempt && (data.progress ?? 0) >= task.progress
        ? { progress: data.progress ?? task.progress, progress_message: data.message ?? null }
        : {};
    case "completed":
      return { attempt, progress: 1, finished_at: at };
    case "failed":
    case "cancelled":
      return { finished_at: at };
    case "retry_scheduled":
      return { attempt, run_at: data.run_at ?? at };
    case "interrupted":
      return {
        attempt: attempt - 1,
        run_at: data.run_at ?? at,
        queue: data.queue ?? task.queue,
        interruptions: task.interruptions + 1,
        progress_message: data.message ?? task.progress_message,
      };
    case "rescued":
      return { run_at: at };
    case "cancel_requested":
      return { cancel_requested_at: at };
    case "retried":
      return {
        attempt: 0,
        progress: 0,
        progress_message: null,
        run_at: at,
        finished_at: null,
        cancel_requested_at: null,
      };
    default:
      return {};
  }
}

/** The task after the event; the same object when nothing changes. */
export function applyEvent<Task extends TaskSummary>(task: Task, event: TaskEvent): Task {
  if (event.task_id !== task.task_id || isStale(task, event)) return task;
  const change = { ...changeFrom(task, event), ...statusAfter(event) };
  return Object.keys(change).length > 0 ? { ...task, ...change } : task;
}

function statusAfter(event: TaskEvent): Partial<TaskSummary> {
  const status = STATE_AFTER[event.type];
  return status ? { status } : {};
}

/** The page after the events; the same object, and the same rows, where nothing changes. */
export function applyToPage(page: TaskPage, events: readonly TaskEvent[]): TaskPage {
  const shown = new Map(page.tasks.map((task) => [task.task_id, task]));
  let changed = false;
  for (const event of events) {
    const task = shown.get(event.task_id);
    if (!task) continue;
    const after = applyEvent(task, event);
    changed ||= after !== task;
    shown.set(event.task_id, after);
  }
  return changed ? { ...page, tasks: page.tasks.map((task) => shown.get(task.task_id) ?? task) } : page;
}
