"use client";

/** The log lines of a task, followed with the cursor while it runs and read to the end once it has ended. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { answerOf, client } from "@/api/client";
import { hasEnded, type LogLine, type TaskState } from "@/api/types";

const LIMIT = 1_000;
const FOLLOW_MILLISECONDS = 1_000;

interface Followed {
  lines: readonly LogLine[];
  cursor: string | undefined;
  /** It had ended before this was read, so there is nothing to come. */
  isWhole: boolean;
}

export function useLogs(taskId: string, state: TaskState) {
  const queryClient = useQueryClient();
  const isEnded = hasEnded(state);
  const queryKey = ["logs", taskId];
  return useQuery({
    queryKey: [...queryKey, isEnded],
    queryFn: async ({ signal }): Promise<Followed> => {
      const known = queryClient.getQueriesData<Followed>({ queryKey }).map(([, followed]) => followed);
      const followed = await readOn(taskId, longest(known), signal);
      return { ...followed, isWhole: isEnded };
    },
    placeholderData: keepPreviousData,
    refetchInterval: state === "processing" ? FOLLOW_MILLISECONDS : false,
    structuralSharing: false,
  });
}

function longest(known: readonly (Followed | undefined)[]): Followed | undefined {
  return known.reduce(
    (most, other) => ((other?.lines.length ?? 0) > (most?.lines.length ?? 0) ? other : most),
    undefined,
  );
}

async function readOn(taskId: string, before: Followed | undefined, signal: AbortSignal): Promise<Followed> {
  let lines = before?.lines ?? [];
  let cursor = before?.cursor;
  for (;;) {
    const params = { path: { task_id: taskId }, query: { after: cursor, limit: LIMIT } };
    const page = await answerOf(client.GET("/tasks/{task_id}/logs", { params, signal }));
    if (page.lines.length > 0) lines = [...lines, ...page.lines];
    cursor = page.next_cursor ?? undefined;
    if (page.lines.length < LIMIT) return { lines, cursor, isWhole: false };
  }
}
