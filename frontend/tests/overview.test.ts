import { describe, expect, it } from "vitest";
import type { Stats } from "@/api/types";
import { percentilesOf, quantileOf } from "@/overview/percentiles";
import { levelsOf, ratesOf, successShare } from "@/overview/samples";
import { niceTop, pathsOf } from "@/overview/sparkline-path";

const stats = (completed: number, last_hour: Stats["last_hour"] = {}, waiting = [0, 0, 0, 0]): Stats => ({
  queues: [],
  totals: { completed },
  last_hour,
  durations: { bounds: [1, 2, 4], waiting, running: [0, 0, 0, 0] },
  pools: null,
  cluster_problem: null,
});

describe("samples", () => {
  it("become events a second", () => {
    const taken = [
      { at: 0, stats: stats(10) },
      { at: 2_000, stats: stats(30) },
    ];
    expect(ratesOf(taken, ["completed"])).toEqual([{ at: 2_000, value: 10 }]);
  });

  it("leave a gap where nobody looked", () => {
    const taken = [
      { at: 0, stats: stats(10) },
      { at: 60_000, stats: stats(30) },
    ];
    expect(ratesOf(taken, ["completed"])[0]?.value).toBeNull();
    expect(levelsOf(taken, () => 1)[1]?.value).toBeNull();
  });

  it("tell the share of attempts that succeed", () => {
    expect(successShare(stats(0, { completed: 3, failed: 1 }))).toBe(0.75);
    expect(successShare(stats(5))).toBeNull();
  });
});

describe("quantiles of a histogram", () => {
  it("are interpolated in their bucket, the first of which begins at 0", () => {
    expect(quantileOf([1, 2, 4], [10, 0, 10, 0], 0.25)).toBe(0.5);
    expect(quantileOf([1, 2, 4], [10, 0, 10, 0], 0.5)).toBe(1);
    expect(quantileOf([1, 2, 4], [10, 0, 10, 0], 0.75)).toBe(3);
  });

  it("are the last bound where they are beyond it", () => {
    expect(quantileOf([1, 2, 4], [1, 0, 0, 9], 0.95)).toBe(4);
  });

  it("are not known of nothing", () => {
    expect(quantileOf([1, 2, 4], [0, 0, 0, 0], 0.5)).toBeNull();
  });
});

describe("percentiles over time", () => {
  const waited = (at: number, ...counts: number[]) => ({ at, stats: stats(0, {}, counts) });
  const medians = (taken: Parameters<typeof percentilesOf>[0]) =>
    percentilesOf(taken, "waiting", 0.5).map(({ value }) => value);

  it("are of what ended since the sample before the window, not since the beginning", () => {
    const taken = [
      waited(0, 100, 0, 0, 0),
      waited(10_000, 100, 2, 0, 0),
      waited(20_000, 100, 2, 0, 0),
      waited(30_000, 100, 2, 0, 0),
      waited(41_000, 100, 2, 4, 0),
    ];
    expect(medians(taken)).toEqual([null, 1.5, 1.5, 1.5, 3]);
  });

  it("leave a gap where nothing ended and where nobody looked", () => {
    expect(medians([waited(0, 1, 0, 0, 0), waited(2_000, 1, 0, 0, 0)])).toEqual([null, null]);
    const taken = [waited(0, 1, 0, 0, 0), waited(60_000, 9, 0, 0, 0), waited(62_000, 9, 4, 0, 0)];
    expect(medians(taken)).toEqual([null, null, 1.5]);
  });

  it("outlive counts that begin anew", () => {
    expect(medians([waited(0, 9, 0, 0, 0), waited(2_000, 0, 4, 0, 0)])).toEqual([null, 1.5]);
  });
});

describe("small charts", () => {
  it("end at a round number", () => {
    expect([0, 1, 3, 7, 34, 800].map((value) => niceTop([value]))).toEqual([1, 1, 5, 10, 50, 1000]);
    expect([0.004, 0.03].map((value) => niceTop([value], 0.01))).toEqual([0.01, 0.05]);
  });

  it("break the line where nothing is known", () => {
    const points = [0, 1, 2, 3].map((at) => ({ at, value: at === 1 ? null : 1 }));
    const { line } = pathsOf(points, { width: 30, height: 10, from: 0, to: 3, top: 2 });
    expect(line).toBe("M0.0,5.0M20.0,5.0L30.0,5.0");
  });
});
