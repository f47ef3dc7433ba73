import { describe, expect, it } from "vitest";
import { formatClock, formatDuration, formatExact, formatRelative } from "@/format/time";

const NOW = Date.UTC(2026, 10, 24, 10);

describe("times", () => {
  it("are durations in at most two units", () => {
    const seconds = [0.012, 0.4, 9.96, 59.6, 125, 7_800, 97_200];
    expect(seconds.map(formatDuration)).toEqual([
      "12 ms",
      "0.4 s",
      "10 s",
      "1 min",
      "2 min 5 s",
      "2 h 10 min",
      "1 d 3 h",
    ]);
  });

  it("are told by how far off they are", () => {
    const moments = [0, -12, -300, 7_200].map((seconds) => formatRelative(NOW + seconds * 1000, NOW));
    expect(moments).toEqual(["just now", "12 s ago", "5 min ago", "in 2 h"]);
  });

  it("are exact in the reader's zone", () => {
    expect(formatExact(NOW)).toContain("GMT+1");
    expect(formatClock(NOW)).toBe("11:00:00.000");
  });
});
