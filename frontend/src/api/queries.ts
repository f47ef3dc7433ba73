/** The reads that several parts of the page share, as TanStack queries. */
import { queryOptions } from "@tanstack/react-query";
import { answerOf, client } from "./client";
import type { Health } from "./types";

export const taskTypesQuery = queryOptions({
  queryKey: ["task-types"],
  queryFn: async ({ signal }) => (await answerOf(client.GET("/task-types", { signal }))).task_types ?? [],
  staleTime: 60_000,
});

export const statsQuery = queryOptions({
  queryKey: ["stats"],
  queryFn: ({ signal }) => answerOf(client.GET("/stats", { signal })),
});

export const workersQuery = queryOptions({
  queryKey: ["workers"],
  queryFn: ({ signal }) => answerOf(client.GET("/workers", { signal })),
});

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: async ({ signal }): Promise<Health> => {
    const answer = await client.GET("/health", { signal });
    // Of an unavailable service it is the same document, with status 503.
    const found = answer.data ?? answer.error;
    return typeof found === "object" && "dispatchers" in found ? found : answerOf(Promise.resolve(answer));
  },
});

export const taskQuery = (taskId: string) =>
  queryOptions({
    queryKey: ["task", taskId],
    queryFn: ({ signal }) =>
      answerOf(client.GET("/tasks/{task_id}", { params: { path: { task_id: taskId } }, signal })),
    enabled: taskId !== "",
  });

export const taskStatusQuery = (taskId: string) =>
  queryOptions({
    queryKey: ["task-status", taskId],
    queryFn: ({ signal }) =>
      answerOf(client.GET("/tasks/{task_id}/status", { params: { path: { task_id: taskId } }, signal })),
  });

export const taskGraphQuery = (taskId: string) =>
  queryOptions({
    queryKey: ["task-graph", taskId],
    queryFn: ({ signal }) =>
      answerOf(client.GET("/tasks/{task_id}/graph", { params: { path: { task_id: taskId } }, signal })),
  });

export const fileQuery = (fileId: string) =>
  queryOptions({
    queryKey: ["file", fileId],
    queryFn: ({ signal }) =>
      answerOf(client.GET("/files/{file_id}/info", { params: { path: { file_id: fileId } }, signal })),
  });

export interface PageConfiguration {
  /** Where a trace can be seen, with `{trace_id}` in it. */
  traceUrl?: string;
}

/** `/config.json` is written where the page is served; without it there is nothing to configure. */
export const configurationQuery = queryOptions({
  queryKey: ["configuration"],
  queryFn: async ({ signal }): Promise<PageConfiguration> => {
    const response = await fetch("/config.json", { signal });
    const isJson = response.headers.get("content-type")?.includes("json");
    return response.ok && isJson ? response.json() : {};
  },
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
});
