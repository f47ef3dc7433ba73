"use client";

/** The events of one task from its beginning: its own stream tells the past, the shared feed goes on after it. */
import { useCallback, useEffect, useReducer } from "react";
import { API_PATH } from "@/api/client";
import type { TaskEvent } from "@/api/types";
import { useEvents } from "@/live/live-provider";

const NONE: readonly TaskEvent[] = [];

interface Known {
  taskId: string;
  events: readonly TaskEvent[];
}

/** Both streams can tell of one event; ids say which are new, and order them. */
export function mergeEvents(known: readonly TaskEvent[], arrived: readonly TaskEvent[]): readonly TaskEvent[] {
  const ids = new Set(known.map(({ id }) => id));
  const fresh = arrived.filter(({ id }) => !ids.has(id));
  return fresh.length > 0 ? [...known, ...fresh].sort((one, other) => one.id - other.id) : known;
}

function reduce(known: Known, arrived: Known): Known {
  if (known.taskId !== arrived.taskId) return arrived;
  const events = mergeEvents(known.events, arrived.events);
  return events === known.events ? known : { ...known, events };
}

export function useTaskEvents(taskId: string): readonly TaskEvent[] {
  const [known, add] = useReducer(reduce, { taskId, events: NONE });
  useEffect(() => {
    add({ taskId, events: NONE });
    return readHistory(taskId, (events) => add({ taskId, events }));
  }, [taskId]);
  const listener = useCallback(
    (events: readonly TaskEvent[]) => {
      const own = events.filter((event) => event.task_id === taskId);
      if (own.length > 0) add({ taskId, events: own });
    },
    [taskId],
  );
  useEvents(listener);
  return known.taskId === taskId ? known.events : NONE;
}

/** The stream begins with all that happened, and closes with the task; read in batches, one a frame. */
function readHistory(taskId: string, onEvents: (events: TaskEvent[]) => void): () => void {
  const source = new EventSource(`${API_PATH}/tasks/${encodeURIComponent(taskId)}/events`);
  let waiting: TaskEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = () => {
    timer = null;
    onEvents(waiting);
    waiting = [];
  };
  source.onmessage = (message: MessageEvent<string>) => {
    waiting.push(JSON.parse(message.data) as TaskEvent);
    timer ??= setTimeout(flush, 16);
  };
  return () => {
    source.close();
    if (timer) clearTimeout(timer);
  };
}
