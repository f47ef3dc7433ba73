"use client";

import { type RefObject, useEffect, useRef } from "react";
import type { TaskSummary } from "@/api/types";
import { TaskRow } from "./task-row";
import type { Selection } from "./use-selection";
import { useVisibleRows } from "./use-visible-rows";

interface TaskTableProps {
  tasks: readonly TaskSummary[];
  table: RefObject<HTMLTableElement | null>;
  selection: Selection;
  /** The rows are those of the page before, until the next arrives. */
  isStale: boolean;
}

const COLUMNS: readonly [string, string][] = [
  ["State", "hidden w-28 sm:table-cell"],
  ["Task", ""],
  ["Progress", "hidden w-60 sm:table-cell"],
  ["Labels", "hidden w-64 xl:table-cell"],
  ["Attempt", "hidden w-20 text-right md:table-cell"],
  ["Took", "hidden w-28 text-right md:table-cell"],
  ["Created", "w-24 pr-3 text-right sm:w-28"],
];

export function TaskTable({ tasks, table, selection, isStale }: TaskTableProps) {
  const { from, to, rowHeight } = useVisibleRows(table, tasks.length);
  const isWhole = from === 0 && to === tasks.length;
  return (
    <table
      ref={table}
      aria-label="Tasks"
      aria-busy={isStale}
      aria-rowcount={isWhole ? undefined : tasks.length + 1}
      className="w-full table-fixed"
    >
      <thead className="text-left text-muted text-xs">
        <tr className="h-9">
          <th scope="col" className="w-9 pl-3 sm:w-10">
            <SelectPage tasks={tasks} selection={selection} />
          </th>
          {COLUMNS.map(([name, classes]) => (
            <th key={name} scope="col" className={`font-medium ${classes}`}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <Spacer rows={from} rowHeight={rowHeight} />
      <tbody className={isStale ? "opacity-60 transition-opacity delay-150" : ""}>
        {tasks.slice(from, to).map((task, index) => (
          <TaskRow
            key={task.task_id}
            task={task}
            rowIndex={isWhole ? undefined : from + index + 2}
            isSelected={selection.isEverything || selection.ids.has(task.task_id)}
            onToggle={selection.toggle}
          />
        ))}
      </tbody>
      <Spacer rows={tasks.length - to} rowHeight={rowHeight} />
    </table>
  );
}

/** As high as the rows that are not in the document. */
function Spacer({ rows, rowHeight }: { rows: number; rowHeight: number }) {
  if (rows <= 0) return null;
  return (
    <tbody aria-hidden="true">
      <tr style={{ height: rows * rowHeight }}>
        <td colSpan={COLUMNS.length + 1} />
      </tr>
    </tbody>
  );
}

function SelectPage({ tasks, selection }: Pick<TaskTableProps, "tasks" | "selection">) {
  const box = useRef<HTMLInputElement>(null);
  const chosen = tasks.filter(({ task_id }) => selection.ids.has(task_id)).length;
  const isAll = tasks.length > 0 && (selection.isEverything || chosen === tasks.length);
  useEffect(() => {
    if (box.current) box.current.indeterminate = chosen > 0 && !isAll;
  }, [chosen, isAll]);
  return (
    <input
      ref={box}
      type="checkbox"
      aria-label="Select the page"
      checked={isAll}
      disabled={tasks.length === 0}
      onChange={() => selection.replace(isAll ? [] : tasks.map(({ task_id }) => task_id))}
      className="block size-4 accent-accent"
    />
  );
}
