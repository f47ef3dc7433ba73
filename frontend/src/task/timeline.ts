/** The history of a task as waits and runs, built from its events. */
import type { EventType, TaskError, TaskEvent } from "@/api/types";

export type WaitReason =
  | "submitted"
  | "scheduled"
  | "for other tasks"
  | "released"
  | "backing off"
  | "given back"
  | "rescued"
  | "retried";

export interface Wait {
  kind: "wait";
  id: number;
  reason: WaitReason;
  from: string;
  /** Null while it lasts. */
  to: string | null;
  /** When it was to end, where that was later than its beginning. */
  due: string | null;
  notes: Note[];
}

export interface Run {
  kind: "run";
  id: number;
  attempt: number;
  worker: string | null;
  from: string;
  to: string | null;
  /** Null while it runs. */
  outcome: Outcome | null;
  error: TaskError | null;
  progress: number;
  notes: Note[];
}

export type Outcome = "completed" | "failed" | "cancelled" | "retry_scheduled" | "interrupted" | "rescued";
export type Entry = Wait | Run;

/** What happened within a wait or a run without ending it. */
export interface Note {
  id: number;
  at: string;
  text: string;
  /** The task that it is about, where that is another one. */
  taskId?: string;
}

const NOTES: Partial<Record<EventType, string>> = {
  cancel_requested: "somebody asked it to stop",
  redispatched: "its message was lost in Redis, and sent again",
};

const WAITS_AFTER: Partial<Record<EventType, WaitReason>> = {
  submitted: "submitted",
  retry_scheduled: "backing off",
  interrupted: "given back",
  rescued: "rescued",
  retried: "retried",
  released: "released",
};

/** `runAt` of the task says until when the last wait lasts: `submitted` does not tell. */
export function timelineOf(events: readonly TaskEvent[], runAt: string | null): Entry[] {
  const entries: Entry[] = [];
  for (const event of events) addEvent(entries, event);
  const last = entries.at(-1);
  if (last?.kind === "wait" && !last.due && runAt && isLater(runAt, last.from)) {
    last.due = runAt;
    if (last.reason === "submitted") last.reason = "scheduled";
  }
  return entries;
}

/** Later by more than the moment that storing takes. */
const isLater = (moment: string, than: string): boolean => Date.parse(moment) - Date.parse(than) > 500;

function addEvent(entries: Entry[], event: TaskEvent): void {
  const last = entries.at(-1);
  const note = NOTES[event.type];
  if (note) last?.notes.push({ id: event.id, at: event.at, text: note });
  else if (event.type === "progressed") {
    if (last?.kind === "run") last.progress = event.data.progress ?? last.progress;
  } else {
    if (last && last.to === null) end(last, event);
    const { dependency_failed: taskId, message, queue } = event.data;
    const moved = queue ? `; it goes on in queue ${queue}` : "";
    if (message) last?.notes.push({ id: event.id, at: event.at, text: `${message}${moved}` });
    if (taskId) last?.notes.push({ id: event.id, at: event.at, text: `${event.type} because of task`, taskId });
    const next = nextEntry(event);
    if (next) entries.push(next);
  }
}

function end(entry: Entry, event: TaskEvent): void {
  entry.to = event.at;
  if (entry.kind === "wait") {
    if (event.type === "released" && entry.reason === "submitted") entry.reason = "for other tasks";
    // A start tells how long the task had been due, and so until when it was scheduled.
    const due = event.data.seconds === undefined ? null : Date.parse(event.at) - event.data.seconds * 1000;
    if (due === null || due - Date.parse(entry.from) <= 500) return;
    entry.due = new Date(due).toISOString();
    if (entry.reason === "submitted") entry.reason = "scheduled";
    return;
  }
  entry.outcome = event.type as Outcome;
  entry.error = event.data.error ?? null;
  if (event.type === "completed") entry.progress = 1;
}

function nextEntry(event: TaskEvent): Entry | null {
  const common = { id: event.id, from: event.at, to: null, notes: [] };
  if (event.type === "started") {
    const { attempt, data } = event;
    return { ...common, kind: "run", attempt, worker: data.worker ?? null, outcome: null, error: null, progress: 0 };
  }
  const reason = WAITS_AFTER[event.type];
  const { run_at: due } = event.data;
  return reason ? { ...common, kind: "wait", reason, due: due && isLater(due, event.at) ? due : null } : null;
}
