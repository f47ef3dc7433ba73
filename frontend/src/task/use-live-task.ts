"use client";

/** One task, changed by its events at once and then read anew, since events do not tell all of it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { taskQuery } from "@/api/queries";
import type { TaskEvent } from "@/api/types";
import { applyEvent } from "@/live/apply-events";
import { fetchAgain } from "@/live/fetch-again";
import { useEvents, usePollInterval } from "@/live/live-provider";
import { throttle } from "@/live/throttle";

const REFETCH_MILLISECONDS = 500;

export function useLiveTask(taskId: string) {
  const queryClient = useQueryClient();
  const options = useMemo(() => taskQuery(taskId), [taskId]);
  const poll = usePollInterval();
  const query = useQuery({ ...options, refetchInterval: poll });
  const refetch = useMemo(
    () =>
      throttle(() => {
        void fetchAgain(queryClient, { queryKey: options.queryKey });
        void fetchAgain(queryClient, { queryKey: ["task-status", taskId] });
      }, REFETCH_MILLISECONDS),
    [queryClient, options, taskId],
  );
  useEffect(() => refetch.stop, [refetch]);
  const listener = useCallback(
    (events: readonly TaskEvent[]) => {
      const own = events.filter((event) => event.task_id === taskId);
      if (own.length === 0) return;
      queryClient.setQueryData(options.queryKey, (task) => task && own.reduce(applyEvent, task));
      if (own.some(({ type }) => type !== "progressed")) refetch.request();
    },
    [queryClient, options, taskId, refetch],
  );
  useEvents(listener);
  return query;
}
