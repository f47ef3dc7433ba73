/** The shape of a small chart, from points to the `d` of an SVG path. */
import type { Point } from "./samples";

export interface Frame {
  width: number;
  height: number;
  /** The moments at the left and right edge. */
  from: number;
  to: number;
  /** The value at the upper edge; 0 is at the lower. */
  top: number;
}

/** The first of …0.5, 1, 2, 5, 10, 20… that is not less than `lowest` and every value. */
export function niceTop(values: readonly number[], lowest = 1): number {
  const largest = Math.max(lowest, ...values);
  const magnitude = 10 ** Math.floor(Math.log10(largest));
  return ([1, 2, 5].find((step) => step * magnitude >= largest) ?? 10) * magnitude;
}

/** The line and the area under it; a null breaks both. */
export function pathsOf(points: readonly Point[], frame: Frame): { line: string; area: string } {
  let line = "";
  let area = "";
  for (const run of runsOf(points)) {
    const corners = run.map((point) => corner(point, frame));
    const drawn = `M${corners.join("L")}`;
    const [first, last] = [corners[0]?.split(",")[0], corners.at(-1)?.split(",")[0]];
    line += drawn;
    area += `${drawn}L${last},${frame.height}L${first},${frame.height}Z`;
  }
  return { line, area };
}

type Known = { at: number; value: number };

function runsOf(points: readonly Point[]): Known[][] {
  const runs: Known[][] = [[]];
  for (const { at, value } of points) {
    if (value === null) runs.push([]);
    else runs.at(-1)?.push({ at, value });
  }
  return runs.filter((run) => run.length > 0);
}

function corner({ at, value }: Known, { width, height, from, to, top }: Frame): string {
  const x = ((at - from) / (to - from)) * width;
  const y = height - Math.min(1, value / top) * height;
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
