"use client";

import Link from "next/link";
import { memo } from "react";
import type { TaskSummary } from "@/api/types";
import { Labels } from "@/elements/labels";
import { ProgressBar } from "@/elements/progress-bar";
import { Elapsed, RelativeTime } from "@/elements/relative-time";
import { StateBadge } from "@/elements/state-badge";

interface TaskRowProps {
  task: TaskSummary;
  /** Where not all rows are in the document. */
  rowIndex: number | undefined;
  isSelected: boolean;
  onToggle: (taskId: string) => void;
}

export const TaskRow = memo(function TaskRow({ task, rowIndex, isSelected, onToggle }: TaskRowProps) {
  return (
    <tr
      data-task={task.task_id}
      aria-rowindex={rowIndex}
      aria-selected={isSelected}
      className="h-14 border-line sm:h-12 border-t focus-within:bg-hover hover:bg-hover aria-selected:bg-hover aria-selected:shadow-[inset_3px_0_var(--color-accent)] lg:h-10"
    >
      <td className="pl-3">
        <input
          type="checkbox"
          aria-label={`Select ${task.task_type} ${task.task_id}`}
          checked={isSelected}
          onChange={() => onToggle(task.task_id)}
          className="block size-4 accent-accent"
        />
      </td>
      <td className="hidden sm:table-cell">
        <StateBadge state={task.status} />
      </td>
      <td className="min-w-0 pr-3">
        <Link
          data-row
          prefetch={false}
          href={`/task/?id=${task.task_id}`}
          className="flex flex-col rounded lg:flex-row lg:items-baseline lg:gap-3"
        >
          <span className="truncate font-medium lg:w-36 lg:shrink-0">{task.task_type}</span>
          <span className="hidden truncate font-mono text-muted text-xs sm:inline">{task.task_id}</span>
        </Link>
        <div className="mt-0.5 flex items-center gap-3 sm:hidden">
          <StateBadge state={task.status} />
          {task.status === "processing" && (
            <ProgressBar progress={task.progress} state={task.status} label={`Progress of ${task.task_id}`} />
          )}
        </div>
      </td>
      <td className="hidden pr-4 sm:table-cell">
        <RowProgress task={task} />
      </td>
      <td className="hidden overflow-hidden whitespace-nowrap pr-3 xl:table-cell">
        <span className="flex gap-1">
          <Labels labels={task.labels} />
        </span>
      </td>
      <td
        className="hidden text-right tabular-nums md:table-cell"
        title={`attempt ${task.attempt} of at most ${task.max_retries + 1}`}
      >
        {task.attempt}
        <span className="text-muted"> / {task.max_retries + 1}</span>
      </td>
      <td className="hidden text-right md:table-cell">
        {task.started_at && task.attempt > 0 && task.status !== "pending" && (
          <Elapsed from={task.started_at} to={task.finished_at} />
        )}
      </td>
      <td className="pr-3 text-right text-muted">
        <RelativeTime at={task.created_at} />
      </td>
    </tr>
  );
});

function RowProgress({ task }: { task: TaskSummary }) {
  return (
    <div className="flex items-center gap-3">
      <div className="w-24 shrink-0">
        <ProgressBar progress={task.progress} state={task.status} label={`Progress of ${task.task_id}`} />
      </div>
      <span className="min-w-0 truncate text-muted text-xs tabular-nums" title={task.progress_message ?? undefined}>
        <RowNote task={task} />
      </span>
    </div>
  );
}

function RowNote({ task }: { task: TaskSummary }) {
  if (task.status === "pending" && Date.parse(task.run_at) > Date.now()) {
    return (
      <>
        {task.attempt > 0 ? "retry " : "due "}
        <RelativeTime at={task.run_at} />
      </>
    );
  }
  if (task.status !== "processing") return null;
  if (task.cancel_requested_at) return "asked to stop";
  return task.progress_message ?? `${Math.round(task.progress * 100)} %`;
}
