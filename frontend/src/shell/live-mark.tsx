"use client";

import { useFeedState } from "@/live/live-provider";

const MARKS = {
  connecting: { word: "Connecting", dot: "bg-cancelled", title: "Asking for the stream of events." },
  live: { word: "Live", dot: "bg-completed", title: "What happens is shown as it happens." },
  reconnecting: { word: "Reconnecting", dot: "bg-pending", title: "The stream broke. It goes on where it ended." },
  polling: { word: "Polling", dot: "bg-pending", title: "No stream can be had: the page asks every 2 seconds." },
} as const;

export function LiveMark() {
  const state = useFeedState();
  const { word, dot, title } = MARKS[state];
  return (
    <span
      role="status"
      aria-live="polite"
      title={title}
      data-state={state}
      className="inline-flex items-center gap-1.5 text-muted text-xs sm:min-w-26 sm:justify-end"
    >
      <span className={`size-2 rounded-full ${dot}`} aria-hidden="true" />
      <span className="max-sm:sr-only">{word}</span>
    </span>
  );
}
