/** Percentiles over time, from the histograms of /stats: those of what was counted between two samples. */
import type { Stats } from "@/api/types";
import { GAP_MILLISECONDS, type Point, type Sample } from "./samples";

/** Each percentile is of what happened in so many milliseconds before it; of less while there is less. */
const WINDOW_MILLISECONDS = 30_000;

export type Duration = Exclude<keyof Stats["durations"], "bounds">;

/** Seconds at each sample; null where nothing was counted, or nobody looked. */
export function percentilesOf(taken: readonly Sample[], duration: Duration, quantile: number): Point[] {
  let first = 0;
  return taken.map(({ at, stats }, index) => {
    const before = taken[index - 1];
    if (!before || at - before.at > GAP_MILLISECONDS) {
      first = index;
      return { at, value: null };
    }
    while ((taken[first + 1] as Sample).at <= at - WINDOW_MILLISECONDS) first += 1;
    const { bounds, [duration]: counts } = stats.durations;
    const earlier = (taken[first] as Sample).stats.durations[duration];
    const added = counts.map((count, bucket) => Math.max(0, count - (earlier[bucket] ?? 0)));
    return { at, value: quantileOf(bounds, added, quantile) };
  });
}

/**
 * The quantile of a histogram, as Prometheus' `histogram_quantile` has it (promql/quantile.go, `BucketQuantile`): linear
 * within its bucket, the first of which begins at 0; the last bound where it lies beyond. Null of an empty histogram.
 */
export function quantileOf(bounds: readonly number[], counts: readonly number[], quantile: number): number | null {
  let rank = quantile * counts.reduce((sum, count) => sum + count, 0);
  if (rank === 0) return null;
  const bucket = counts.findIndex((count) => {
    if (count >= rank) return true;
    rank -= count;
    return false;
  });
  const upper = bounds[bucket];
  if (upper === undefined) return bounds.at(-1) ?? null;
  const lower = bounds[bucket - 1] ?? 0;
  return lower + (upper - lower) * (rank / (counts[bucket] as number));
}
