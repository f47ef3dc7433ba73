"use client";

import { useClock } from "@/format/clock";
import { formatDuration, secondsBetween } from "@/format/time";
import type { Entry, Outcome } from "./timeline";

const RUN_CLASSES: Record<Outcome | "running", string> = {
  running: "bg-processing",
  completed: "bg-completed",
  failed: "bg-failed",
  retry_scheduled: "bg-failed",
  rescued: "bg-failed",
  interrupted: "bg-cancelled",
  cancelled: "bg-cancelled",
};

const describe = (entry: Entry): string =>
  entry.kind === "wait" ? `waited (${entry.reason})` : `attempt ${entry.attempt}: ${entry.outcome ?? "running"}`;

/** Waits and runs side by side, as wide as they were long; the list below says the same in words. */
export function TimelineStrip({ entries }: { entries: readonly Entry[] }) {
  const isOpen = entries.some(({ to }) => to === null);
  const now = useClock((clock) => (isOpen ? clock : 0));
  return (
    <div aria-hidden="true" className="flex h-5 w-full gap-px overflow-hidden rounded">
      {entries.map((entry) => {
        const seconds = secondsBetween(entry.from, entry.to, now);
        const colour = entry.kind === "wait" ? "bg-line" : RUN_CLASSES[entry.outcome ?? "running"];
        return (
          <div
            key={entry.id}
            title={`${describe(entry)}, ${formatDuration(seconds)}`}
            className={`min-w-1 ${colour}`}
            style={{ flexGrow: Math.max(seconds, 0.001), flexBasis: 0 }}
          />
        );
      })}
    </div>
  );
}
