"use client";

import { useSyncExternalStore } from "react";
import type { QueueStats, Stats } from "@/api/types";
import { formatCount, formatDuration } from "@/format/time";
import { type Duration, percentilesOf } from "./percentiles";
import { currentSamples, levelsOf, ratesOf, type Sample, subscribeSamples } from "./samples";
import { SmallChart } from "./small-chart";

const NONE: readonly Sample[] = [];

export const useSamples = (): readonly Sample[] => useSyncExternalStore(subscribeSamples, currentSamples, () => NONE);

const perSecond = (rate: number): string => `${rate < 10 ? Number(rate.toFixed(1)) : formatCount(Math.round(rate))}/s`;
const GRID = "grid grid-cols-2 gap-3 xl:grid-cols-4";

const inAll = (read: (queue: QueueStats) => number) => (stats: Stats) =>
  stats.queues.reduce((sum, queue) => sum + read(queue), 0);
const oldest = (stats: Stats): number => Math.max(0, ...stats.queues.map((queue) => queue.oldest_seconds));

interface Percentile {
  title: string;
  duration: Duration;
  quantile: number;
  colour: "waiting" | "busy";
}

const PERCENTILES: readonly Percentile[] = [
  { title: "Waiting time, p50", duration: "waiting", quantile: 0.5, colour: "waiting" },
  { title: "Waiting time, p95", duration: "waiting", quantile: 0.95, colour: "waiting" },
  { title: "Running time, p50", duration: "running", quantile: 0.5, colour: "busy" },
  { title: "Running time, p95", duration: "running", quantile: 0.95, colour: "busy" },
];

export function FlowCharts() {
  const samples = useSamples();
  return (
    <div className={GRID}>
      <SmallChart title="Submitted" points={ratesOf(samples, ["submitted"])} colour="neutral" format={perSecond} />
      <SmallChart title="Completed" points={ratesOf(samples, ["completed"])} colour="good" format={perSecond} />
      <SmallChart
        title="Failed attempts"
        points={ratesOf(samples, ["failed", "retry_scheduled", "rescued"])}
        colour="bad"
        format={perSecond}
      />
      <SmallChart
        title="Delay of the oldest"
        points={levelsOf(samples, oldest)}
        colour="waiting"
        format={formatDuration}
      />
      <SmallChart
        title="Waiting"
        points={levelsOf(
          samples,
          inAll((queue) => queue.pending),
        )}
        colour="waiting"
        format={formatCount}
      />
      <SmallChart
        title="Processing"
        points={levelsOf(
          samples,
          inAll((queue) => queue.processing),
        )}
        colour="busy"
        format={formatCount}
      />
      <SmallChart
        title="Scheduled for later"
        points={levelsOf(
          samples,
          inAll((queue) => queue.scheduled),
        )}
        colour="neutral"
        format={formatCount}
      />
      <SmallChart title="Started" points={ratesOf(samples, ["started"])} colour="busy" format={perSecond} />
      {PERCENTILES.map(({ title, duration, quantile, colour }) => (
        <SmallChart
          key={title}
          title={title}
          points={percentilesOf(samples, duration, quantile)}
          colour={colour}
          format={formatDuration}
          lowestTop={0.01}
        />
      ))}
    </div>
  );
}

export function PoolChart({ pool }: { pool: string }) {
  const samples = useSamples();
  const ready = (stats: Stats) => stats.pools?.find((other) => other.pool === pool)?.ready ?? 0;
  return <SmallChart title="Ready pods" points={levelsOf(samples, ready)} colour="good" format={formatCount} isInner />;
}

/** What waits in one queue, and for how long. */
export function QueueCharts({ queue }: { queue: string }) {
  const samples = useSamples();
  const of = (read: (stats: QueueStats) => number) => (stats: Stats) => {
    const found = stats.queues.find((other) => other.queue === queue);
    return found ? read(found) : 0;
  };
  const waiting = levelsOf(
    samples,
    of(({ pending }) => pending),
  );
  const oldestAge = levelsOf(
    samples,
    of(({ oldest_seconds }) => oldest_seconds),
  );
  return (
    <>
      <SmallChart title={`${queue}: waiting`} points={waiting} colour="waiting" format={formatCount} />
      <SmallChart title={`${queue}: oldest`} points={oldestAge} colour="waiting" format={formatDuration} />
    </>
  );
}
