"use client";

import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { taskQuery } from "@/api/queries";
import { hasEnded, type TaskDetail } from "@/api/types";
import { ProblemNotice } from "@/elements/problem-notice";
import { formatBytes } from "@/format/size";
import { isTaskId } from "./source";

/** How often a task that has not ended is asked for its files. */
const WATCH_MILLISECONDS = 2_000;

interface ArtifactFieldProps {
  taskId: string;
  artifact: string;
  described: Record<string, string | boolean>;
  onChange: (taskId: string, artifact: string) => void;
}

/** A file that another task has made, by the task's id and its name. */
export function ArtifactField({ taskId, artifact, described, onChange }: ArtifactFieldProps) {
  const {
    data: task,
    error,
    isLoading,
  } = useQuery({
    ...taskQuery(taskId),
    enabled: isTaskId(taskId),
    refetchInterval: ({ state }) => (state.data && !hasEnded(state.data.status) ? WATCH_MILLISECONDS : false),
  });
  return (
    <div className="grid gap-x-5 gap-y-2 sm:grid-cols-2">
      <label className="flex min-w-0 flex-col gap-1">
        Task
        <input
          {...described}
          type="text"
          autoComplete="off"
          spellCheck={false}
          value={taskId}
          placeholder="The id of a completed task"
          onChange={(event) => onChange(event.target.value.trim(), "")}
          className="field w-full font-mono text-xs aria-invalid:border-failed"
        />
      </label>
      <ArtifactName
        task={task}
        isReading={isLoading}
        artifact={artifact}
        described={described}
        onChange={(name) => onChange(taskId, name)}
      />
      {error && (
        <div className="sm:col-span-2">
          <ProblemNotice error={error} />
        </div>
      )}
    </div>
  );
}

interface ArtifactNameProps {
  task: TaskDetail | undefined;
  isReading: boolean;
  artifact: string;
  described: Record<string, string | boolean>;
  onChange: (name: string) => void;
}

/** One of those that are there. What is not there yet has to be typed. */
function ArtifactName({ task, isReading, artifact, described, onChange }: ArtifactNameProps) {
  const id = useId();
  const made = task?.artifacts ?? [];
  const isKnown = made.some(({ name }) => name === artifact);
  const control = { ...described, id, value: artifact, className: "field w-full aria-invalid:border-failed" };
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id}>Its file</label>
      {made.length > 0 ? (
        <select {...control} onChange={(event) => onChange(event.target.value)}>
          {artifact === "" && <option value="">Choose one of {made.length}</option>}
          {!isKnown && artifact !== "" && <option value={artifact}>{artifact}, which it has not</option>}
          {made.map(({ name, size_bytes }) => (
            <option key={name} value={name}>
              {name}, {formatBytes(size_bytes)}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...control}
          disabled={isReading}
          type="text"
          autoComplete="off"
          placeholder="Its name, such as data.parquet"
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      {task && made.length === 0 && (
        <p className="text-muted text-xs">
          {task.status === "completed"
            ? "The task has made no file."
            : `The task is ${task.status}: it has no file${hasEnded(task.status) ? "." : " yet. The new task will run after it."}`}
        </p>
      )}
    </div>
  );
}
