"use client";

import { useClock } from "@/format/clock";
import { formatDuration, formatExact, formatRelative, secondsBetween } from "@/format/time";

/** How long ago, with the exact moment on hover. */
export function RelativeTime({ at }: { at: string }) {
  const moment = Date.parse(at);
  const text = useClock((now) => formatRelative(moment, now));
  return (
    <time dateTime={at} title={formatExact(at)} className="whitespace-nowrap tabular-nums" suppressHydrationWarning>
      {text}
    </time>
  );
}

/** From one moment to another, or to now while the other is not known. */
export function Elapsed({ from, to }: { from: string; to?: string | null }) {
  const text = useClock((now) => formatDuration(secondsBetween(from, to, now)));
  const title = to ? `${formatExact(from)} to ${formatExact(to)}` : `since ${formatExact(from)}`;
  return (
    <span title={title} className="whitespace-nowrap tabular-nums">
      {text}
    </span>
  );
}
