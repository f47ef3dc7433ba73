"use client";

/** One page of tasks, kept current by events; new tasks wait outside while the reader is busy with the page. */
import { keepPreviousData, type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { answerOf, client } from "@/api/client";
import type { TaskEvent, TaskPage } from "@/api/types";
import { applyToPage, changesState } from "@/live/apply-events";
import { fetchAgain } from "@/live/fetch-again";
import { useEvents, usePollInterval } from "@/live/live-provider";
import { throttle } from "@/live/throttle";
import { cursorBefore, type Filters, listQueryOf } from "./filters";

/** A page is fetched again at most this often, in milliseconds, however much happens. */
const REFETCH_MILLISECONDS = 1_000;

interface PageRequest {
  filters: Filters;
  cursor: string | undefined;
  limit: number;
  /** The reader selects or reads further down: rows must not move. */
  isHeld: boolean;
}

async function fetchPage({ filters, cursor, limit }: PageRequest, signal: AbortSignal): Promise<TaskPage> {
  const start = cursor ?? (filters.id ? cursorBefore(filters.id) : undefined);
  const query = { ...listQueryOf(filters, Date.now()), limit, cursor: start };
  const page = await answerOf(client.GET("/tasks", { params: { query }, signal }));
  const tasks = page.tasks.filter((task) => task.task_id.startsWith(filters.id));
  return tasks.length === page.tasks.length ? page : { tasks, next_cursor: null };
}

export function useTaskPage(request: PageRequest) {
  const { filters, cursor, limit, isHeld } = request;
  const queryClient = useQueryClient();
  const poll = usePollInterval();
  const key = useMemo(() => ["tasks", filters, cursor ?? null, limit] as const, [filters, cursor, limit]);
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => fetchPage(request, signal),
    placeholderData: keepPreviousData,
    refetchInterval: isHeld ? false : poll,
  });
  const newer = useLivePage(queryClient, key, request);
  return { ...query, newer };
}

/** Applies events to the page; returns how many new tasks are held back. */
function useLivePage(queryClient: QueryClient, key: readonly unknown[], request: PageRequest): number {
  const { filters, cursor, isHeld } = request;
  const [newer, setNewer] = useState(0);
  const refetch = useMemo(
    () => throttle(() => void fetchAgain(queryClient, { queryKey: key }), REFETCH_MILLISECONDS),
    [queryClient, key],
  );
  useEffect(() => refetch.stop, [refetch]);
  useEffect(() => {
    if (isHeld || newer === 0) return;
    setNewer(0);
    refetch.request();
  }, [isHeld, newer, refetch]);
  const listener = useCallback(
    (events: readonly TaskEvent[]) => {
      queryClient.setQueryData<TaskPage>(key, (page) => page && applyToPage(page, events));
      const submitted = cursor ? 0 : events.filter(({ type }) => type === "submitted").length;
      if (isHeld) return submitted > 0 && setNewer((count) => count + submitted);
      const mayMoveRows = submitted > 0 || (filters.states.length > 0 && events.some(changesState));
      // An answer under way may be older than these events, and would undo them.
      const mayBeUndone = queryClient.isFetching({ queryKey: key }) > 0;
      if (mayMoveRows || mayBeUndone) refetch.request();
    },
    [queryClient, key, cursor, isHeld, filters.states, refetch],
  );
  useEvents(listener);
  return newer;
}
