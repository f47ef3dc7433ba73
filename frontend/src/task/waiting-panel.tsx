"use client";

import { useQuery } from "@tanstack/react-query";
import { taskStatusQuery, workersQuery } from "@/api/queries";
import type { NeededTask, TaskSummary } from "@/api/types";
import { RelativeTime } from "@/elements/relative-time";
import { StateBadge } from "@/elements/state-badge";
import { TaskLink } from "@/elements/task-link";
import { useClock } from "@/format/clock";
import { waitingReason } from "./waiting";

/** Positions and workers change without events of this task. */
const REFRESH_MILLISECONDS = 2_000;
/** Of the tasks that it waits for, so many are named. */
const NAMED_TASKS = 10;

export function WaitingPanel({ task }: { task: TaskSummary }) {
  const status = useQuery({ ...taskStatusQuery(task.task_id), refetchInterval: REFRESH_MILLISECONDS }).data;
  const workers = useQuery({ ...workersQuery, refetchInterval: REFRESH_MILLISECONDS }).data?.workers;
  const isDueLater = useClock((now) => Date.parse(task.run_at) > now);
  const { headline, details, due, tasks } = waitingReason(task, status, workers, isDueLater);
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
      {tasks.length > 0 && <Needed tasks={tasks} />}
      {details.map((detail) => (
        <p key={detail} className="mt-0.5">
          {detail}
        </p>
      ))}
    </section>
  );
}

function Needed({ tasks }: { tasks: readonly NeededTask[] }) {
  const more = tasks.length - NAMED_TASKS;
  return (
    <ul className="mt-1 flex flex-col gap-1">
      {tasks.slice(0, NAMED_TASKS).map(({ task_id, task_type, status }) => (
        <li key={task_id} className="flex flex-wrap items-center gap-x-2">
          <TaskLink taskId={task_id} taskType={task_type} />
          <StateBadge state={status} />
        </li>
      ))}
      {more > 0 && <li>and {more} more</li>}
    </ul>
  );
}
