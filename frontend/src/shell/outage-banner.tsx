"use client";

/** Watches whether the API answers, says when it does not, and reads everything anew once it is back. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { usePathname } from "next/navigation";
import { useEffect, useRef } from "react";
import { asProblem } from "@/api/client";
import { statsQuery } from "@/api/queries";
import { usePollInterval } from "@/live/live-provider";
import { recordSample } from "@/overview/samples";

/** Where much is shown, or something may be wrong. */
const OFTEN_MILLISECONDS = 2_000;
const ELSEWHERE_MILLISECONDS = 5_000;

export function OutageBanner() {
  const isOverview = usePathname() === "/overview/";
  const isPolling = usePollInterval() !== false;
  const { data, dataUpdatedAt, error } = useQuery({
    ...statsQuery,
    retry: false,
    refetchInterval: ({ state }) =>
      isOverview || isPolling || state.error ? OFTEN_MILLISECONDS : ELSEWHERE_MILLISECONDS,
  });
  useRecovery(error !== null);
  useEffect(() => {
    if (data) recordSample(dataUpdatedAt, data);
  }, [data, dataUpdatedAt]);
  const problem = error && asProblem(error);
  return (
    <div aria-live="assertive" className="pointer-events-none fixed inset-x-0 bottom-4 z-40 flex justify-center px-4">
      {problem?.isOutage && (
        <div className="pointer-events-auto max-w-2xl rounded-lg border border-failed bg-failed-soft px-4 py-2 text-failed shadow-lg">
          <strong className="font-semibold">{problem.title}.</strong> {problem.detail} What you see may be old.
        </div>
      )}
    </div>
  );
}

function useRecovery(isAway: boolean): void {
  const queryClient = useQueryClient();
  const wasAway = useRef(false);
  useEffect(() => {
    if (wasAway.current && !isAway) void queryClient.invalidateQueries();
    wasAway.current = isAway;
  }, [isAway, queryClient]);
}
