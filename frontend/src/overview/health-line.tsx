"use client";

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { healthQuery } from "@/api/queries";
import type { Health, Stats } from "@/api/types";
import { formatCount } from "@/format/time";
import { successShare } from "./samples";

/** As often as the workers, whose slots are told beside it. */
const HEALTH_MILLISECONDS = 2_000;

const WORDS: Record<Health["status"], { text: string; classes: string }> = {
  ok: { text: "Tasks are taken and run", classes: "text-completed" },
  degraded: { text: "Tasks are taken, but do not run", classes: "text-pending" },
  unavailable: { text: "No task can be taken", classes: "text-failed" },
};

export function HealthLine({ stats }: { stats: Stats | undefined }) {
  const { data: health } = useQuery({ ...healthQuery, refetchInterval: HEALTH_MILLISECONDS });
  const share = stats ? successShare(stats) : null;
  const hour = stats?.last_hour ?? {};
  return (
    <dl className="panel grid grid-cols-2 gap-x-6 gap-y-3 p-4 sm:grid-cols-3 xl:grid-cols-6">
      <Cell name="Service">
        <span className={health && WORDS[health.status].classes}>{health ? WORDS[health.status].text : "…"}</span>
      </Cell>
      <Cell name="Database, broker">
        {health ? `${dependency(health.database)}, ${dependency(health.broker)}` : "…"}
      </Cell>
      <Cell name="Dispatchers">{health ? dispatchers(health.dispatchers) : "…"}</Cell>
      <Cell name="Busy slots">{health ? `${health.workers.busy} of ${health.workers.slots}` : "…"}</Cell>
      <Cell name="Completed, last hour">{formatCount(hour.completed ?? 0)}</Cell>
      <Cell name="Success rate, last hour" explanation="Of the attempts that ended">
        {share === null ? "–" : `${(share * 100).toFixed(share > 0.99 ? 2 : 1)} %`}
      </Cell>
    </dl>
  );
}

const dependency = ({ status, seconds }: Health["database"]): string =>
  status === "ok" ? `${Math.max(1, Math.round(seconds * 1000))} ms` : "away";

const dispatchers = (count: number): string => (count === 0 ? "none: no task reaches a worker" : String(count));

interface CellProps {
  name: string;
  explanation?: string;
  children: ReactNode;
}

function Cell({ name, explanation, children }: CellProps) {
  return (
    <div className="min-w-0" title={explanation}>
      <dt className="text-muted text-xs">{name}</dt>
      <dd className="font-medium tabular-nums">{children}</dd>
    </div>
  );
}
