"use client";

import { useQuery } from "@tanstack/react-query";
import { taskStatusQuery, workersQuery } from "@/api/queries";
import type { TaskSummary } from "@/api/types";
import { RelativeTime } from "@/elements/relative-time";
import { useClock } from "@/format/clock";
import { waitingReason } from "./waiting";

/** Positions and workers change without events of this task. */
const REFRESH_MILLISECONDS = 2_000;

export function WaitingPanel({ task }: { task: TaskSummary }) {
  const status = useQuery({ ...taskStatusQuery(task.task_id), refetchInterval: REFRESH_MILLISECONDS }).data;
  const workers = useQuery({ ...workersQuery, refetchInterval: REFRESH_MILLISECONDS }).data?.workers;
  const isDueLater = useClock((now) => Date.parse(task.run_at) > now);
  const { headline, details, due } = waitingReason(task, status, workers, isDueLater);
  return (
    <section aria-label="Why it waits" className="rounded-lg border border-pending bg-pending-soft p-3 text-pending">
      <p className="font-semibold">
        {headline}
        {due && (
          <>
            {" "}
            <RelativeTime at={due} />
          </>
        )}
        .
      </p>
      {details.map((detail) => (
        <p key={detail} className="mt-0.5">
          {detail}
        </p>
      ))}
    </section>
  );
}
