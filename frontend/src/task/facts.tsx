"use client";

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { configurationQuery } from "@/api/queries";
import type { TaskDetail } from "@/api/types";
import { Labels } from "@/elements/labels";
import { Elapsed, RelativeTime } from "@/elements/relative-time";
import { formatDuration } from "@/format/time";

export function Facts({ task }: { task: TaskDetail }) {
  return (
    <dl className="panel grid grid-cols-2 gap-x-4 gap-y-3 p-4 sm:grid-cols-4 lg:grid-cols-2">
      <Fact name="Created">
        <RelativeTime at={task.created_at} />
      </Fact>
      <Fact name="Started">{task.started_at ? <RelativeTime at={task.started_at} /> : "not yet"}</Fact>
      <Fact name="Finished">{task.finished_at ? <RelativeTime at={task.finished_at} /> : "not yet"}</Fact>
      <Fact name="Took">
        {task.started_at && task.attempt > 0 ? <Elapsed from={task.started_at} to={task.finished_at} /> : "–"}
      </Fact>
      <Fact name="Queue">{task.queue}</Fact>
      <Fact name="Priority">{task.priority} of 9</Fact>
      <Fact name="Attempt">
        {task.attempt} of at most {task.max_retries + 1}
      </Fact>
      <Fact name="Timeout">{task.timeout_seconds === null ? "none" : formatDuration(task.timeout_seconds)}</Fact>
      {task.interruptions > 0 && <Fact name="Given back">{task.interruptions} times by its worker</Fact>}
      {task.worker && <WideFact name="Worker">{task.worker}</WideFact>}
      {task.trace_id && (
        <WideFact name="Trace">
          <TraceLink traceId={task.trace_id} />
        </WideFact>
      )}
      {Object.keys(task.labels).length > 0 && (
        <WideFact name="Labels">
          <span className="flex flex-wrap gap-1">
            <Labels labels={task.labels} />
          </span>
        </WideFact>
      )}
    </dl>
  );
}

interface FactProps {
  name: string;
  children: ReactNode;
}

function Fact({ name, children }: FactProps) {
  return (
    <div className="min-w-0">
      <dt className="text-muted text-xs">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function WideFact({ name, children }: FactProps) {
  return (
    <div className="col-span-full min-w-0">
      <dt className="text-muted text-xs">{name}</dt>
      <dd className="break-all font-mono text-xs">{children}</dd>
    </div>
  );
}

function TraceLink({ traceId }: { traceId: string }) {
  const { data } = useQuery(configurationQuery);
  if (!data?.traceUrl) return traceId;
  return (
    <a
      href={data.traceUrl.replace("{trace_id}", traceId)}
      className="rounded text-accent underline underline-offset-2"
      rel="noreferrer"
    >
      {traceId}
    </a>
  );
}
