import type { TaskState } from "@/api/types";

const FILLS: Record<TaskState, string> = {
  pending: "bg-pending",
  processing: "bg-processing",
  completed: "bg-completed",
  failed: "bg-failed",
  cancelled: "bg-cancelled",
};

interface ProgressBarProps {
  /** 0 to 1. */
  progress: number;
  state: TaskState;
  label: string;
}

export function ProgressBar({ progress, state, label }: ProgressBarProps) {
  const percent = Math.round(progress * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      className="h-1.5 w-full min-w-12 overflow-hidden rounded-full bg-line"
    >
      <div
        className={`h-full origin-left rounded-full motion-safe:transition-transform motion-safe:duration-200 ease-linear ${FILLS[state]}`}
        style={{ transform: `scaleX(${progress})` }}
      />
    </div>
  );
}
