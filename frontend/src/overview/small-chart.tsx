"use client";

import { KEPT_MILLISECONDS, type Point } from "./samples";
import { niceTop, pathsOf } from "./sparkline-path";

const WIDTH = 300;
const HEIGHT = 56;
/** A young chart is not stretched beyond this. */
const SHORTEST_MILLISECONDS = 60_000;

const COLOURS = {
  neutral: "stroke-accent fill-accent",
  good: "stroke-completed fill-completed",
  bad: "stroke-failed fill-failed",
  waiting: "stroke-pending fill-pending",
  busy: "stroke-processing fill-processing",
} as const;

interface SmallChartProps {
  title: string;
  points: readonly Point[];
  colour: keyof typeof COLOURS;
  format: (value: number) => string;
  /** The value at the upper edge of a chart with nothing but small ones; 1 if it is not said. */
  lowestTop?: number;
  /** It stands in a panel already. */
  isInner?: boolean;
}

/** The last five minutes of one number, with its value now. */
export function SmallChart({ title, points, colour, format, lowestTop, isInner = false }: SmallChartProps) {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const now = values.at(-1);
  const to = points.at(-1)?.at ?? 0;
  const shown = Math.max(SHORTEST_MILLISECONDS, to - (points[0]?.at ?? to));
  const from = to - Math.min(KEPT_MILLISECONDS, shown);
  const top = niceTop(values, lowestTop);
  const { line, area } = pathsOf(points, { width: WIDTH, height: HEIGHT, from, to, top });
  const reading = now === undefined ? "not known yet" : format(now);
  return (
    <figure className={`flex min-w-0 flex-col gap-2 ${isInner ? "" : "panel p-3"}`}>
      <figcaption className="flex items-baseline justify-between gap-x-2 max-sm:flex-col">
        <span className="max-w-full truncate text-muted">{title}</span>
        <span className="whitespace-nowrap font-semibold text-base tabular-nums">
          {now === undefined ? "–" : reading}
        </span>
      </figcaption>
      <div className="relative pt-3">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}: ${reading}; at most ${values.length > 0 ? format(Math.max(...values)) : "nothing"} in the last five minutes`}
          className={`h-14 w-full border-line border-b ${COLOURS[colour]}`}
        >
          <path d={area} stroke="none" fillOpacity={0.14} />
          <path d={line} fill="none" strokeWidth={1.5} strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
        </svg>
        <span
          aria-hidden="true"
          className="absolute top-0 left-0 text-[0.6875rem] text-muted leading-none tabular-nums"
        >
          {values.length > 0 && format(top)}
        </span>
      </div>
    </figure>
  );
}
