import type { TaskState } from "@/api/types";

/** A state always has the same colour, sign and word. */
export const STATE_CLASSES: Record<TaskState, string> = {
  pending: "bg-pending-soft text-pending",
  processing: "bg-processing-soft text-processing",
  completed: "bg-completed-soft text-completed",
  failed: "bg-failed-soft text-failed",
  cancelled: "bg-cancelled-soft text-cancelled",
};

const SIGNS: Record<TaskState, string> = {
  pending: "M8 4.5V8l2.5 1.5M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z",
  processing: "M5.5 3.5v9l7-4.5-7-4.5Z",
  completed: "m3.5 8.5 3 3 6-7",
  failed: "m4 4 8 8m0-8-8 8",
  cancelled: "M3.8 3.8l8.4 8.4M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z",
};

export function StateBadge({ state }: { state: TaskState }) {
  return (
    <span
      className={`inline-flex items-center gap-1 align-middle whitespace-nowrap rounded-full px-2 py-0.5 font-medium text-xs ${STATE_CLASSES[state]}`}
    >
      <svg viewBox="0 0 16 16" className="size-3 fill-none stroke-2 stroke-current" aria-hidden="true">
        <path d={SIGNS[state]} strokeLinecap="round" strokeLinejoin="round" />
      </svg>
      {state}
    </span>
  );
}
