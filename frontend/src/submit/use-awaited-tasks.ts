"use client";

import { useQueries } from "@tanstack/react-query";
import { taskQuery } from "@/api/queries";
import { hasEnded } from "@/api/types";
import type { Typed } from "./field-values";
import type { FieldSpecification } from "./schema-fields";
import { isTaskId, sourceFrom } from "./source";

/**
 * The tasks that are still to make a file which is read.
 *
 * The new task has to run after them: without that it would start, find no file, and use up its attempts.
 */
export function useAwaitedTasks(fields: readonly FieldSpecification[], typed: Typed): string[] {
  const ids = fields.flatMap(({ kind, name }) => {
    const source = kind === "source" ? sourceFrom(typed[name] ?? "") : null;
    return source && "task_id" in source && isTaskId(source.task_id) ? [source.task_id.toLowerCase()] : [];
  });
  const tasks = useQueries({ queries: [...new Set(ids)].map(taskQuery) });
  return tasks.flatMap(({ data }) => (data && !hasEnded(data.status) ? [data.task_id] : []));
}
