/** What /stats told over the last minutes, kept while the page is open: rates are differences of its counts. */
import type { EventType, Stats } from "@/api/types";

/** So far back the charts go, in milliseconds. */
export const KEPT_MILLISECONDS = 300_000;
/** A gap of more than this, in milliseconds, breaks a line. */
export const GAP_MILLISECONDS = 15_000;

export interface Sample {
  at: number;
  stats: Stats;
}

export interface Point {
  at: number;
  /** Null where nothing is known. */
  value: number | null;
}

let samples: readonly Sample[] = [];
const listeners = new Set<() => void>();

export function recordSample(at: number, stats: Stats): void {
  const last = samples.at(-1);
  if (last && at <= last.at) return;
  samples = [...samples.filter((sample) => sample.at > at - KEPT_MILLISECONDS), { at, stats }];
  for (const listener of listeners) listener();
}

export function subscribeSamples(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const currentSamples = (): readonly Sample[] => samples;

/** Events a second of these types, between each two samples. */
export function ratesOf(taken: readonly Sample[], types: readonly EventType[]): Point[] {
  return taken.slice(1).map(({ at, stats }, index) => {
    const before = taken[index] as Sample;
    const milliseconds = at - before.at;
    const count = total(stats, types) - total(before.stats, types);
    return { at, value: milliseconds > GAP_MILLISECONDS ? null : Math.max(0, count / (milliseconds / 1000)) };
  });
}

/** Events of these types since the beginning, or as `counts` has them. */
const total = (stats: Stats, types: readonly EventType[], counts = stats.totals): number =>
  types.reduce((sum, type) => sum + (counts[type] ?? 0), 0);

/** A number of each sample. */
export function levelsOf(taken: readonly Sample[], read: (stats: Stats) => number): Point[] {
  return taken.map(({ at, stats }, index) => {
    const before = taken[index - 1];
    const isAfterGap = before !== undefined && at - before.at > GAP_MILLISECONDS;
    return { at, value: isAfterGap ? null : read(stats) };
  });
}

/** The share of the attempts of the last hour that ended well, 0 to 1; null when none ended. */
export function successShare(stats: Stats): number | null {
  const completed = total(stats, ["completed"], stats.last_hour);
  const failed = total(stats, ["failed", "retry_scheduled", "rescued"], stats.last_hour);
  return completed + failed > 0 ? completed / (completed + failed) : null;
}
