"use client";

/** The tasks that a task hangs together with, followed as they change. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { taskGraphQuery } from "@/api/queries";
import type { TaskEvent, TaskGraph } from "@/api/types";
import { fetchAgain } from "@/live/fetch-again";
import { useEvents, usePollInterval } from "@/live/live-provider";
import { throttle } from "@/live/throttle";

const REFETCH_MILLISECONDS = 1_000;

export function useTaskGraph(taskId: string) {
  const queryClient = useQueryClient();
  const options = useMemo(() => taskGraphQuery(taskId), [taskId]);
  const poll = usePollInterval();
  const query = useQuery({ ...options, refetchInterval: poll });
  const refetch = useMemo(
    () => throttle(() => void fetchAgain(queryClient, { queryKey: options.queryKey }), REFETCH_MILLISECONDS),
    [queryClient, options],
  );
  useEffect(() => refetch.stop, [refetch]);
  const listener = useCallback(
    (events: readonly TaskEvent[]) => {
      const graph = queryClient.getQueryData(options.queryKey);
      if (!graph) return;
      queryClient.setQueryData(options.queryKey, applyProgress(graph, events));
      if (changesGraph(graph, events)) refetch.request();
    },
    [queryClient, options, refetch],
  );
  useEvents(listener);
  return query;
}

/** A task that has just been submitted may depend on one of these: its event does not say on which. */
export function changesGraph(graph: TaskGraph, events: readonly TaskEvent[]): boolean {
  const shown = new Set(graph.nodes.map(({ task_id }) => task_id));
  return events.some(({ type, task_id }) => type === "submitted" || (type !== "progressed" && shown.has(task_id)));
}

/** The graph with the progress that the events tell; the same object where they tell none. */
export function applyProgress(graph: TaskGraph, events: readonly TaskEvent[]): TaskGraph {
  const told = new Map<string, number>();
  for (const { type, task_id, data } of events) {
    if (type === "progressed" && data.progress !== undefined) told.set(task_id, data.progress);
  }
  const changes = ({ task_id, status }: TaskGraph["nodes"][number]) => status === "processing" && told.has(task_id);
  if (!graph.nodes.some(changes)) return graph;
  const nodes = graph.nodes.map((node) =>
    changes(node) ? { ...node, progress: told.get(node.task_id) ?? node.progress } : node,
  );
  return { ...graph, nodes };
}
