"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { type ReactNode, useEffect, useMemo } from "react";
import { taskTypesQuery } from "@/api/queries";
import type { TaskDetail } from "@/api/types";
import { Button, buttonClasses } from "@/elements/button";
import { CopyButton } from "@/elements/copy-button";
import { EmptyState } from "@/elements/empty-state";
import { JsonBlock } from "@/elements/json-block";
import { ProblemNotice } from "@/elements/problem-notice";
import { ProgressBar } from "@/elements/progress-bar";
import { Section } from "@/elements/section";
import { StateBadge } from "@/elements/state-badge";
import { useAddress } from "@/shell/use-address";
import { ChainView } from "./chain-view";
import { DEPENDENCY_FAILED, DependencyFailure } from "./dependency-failure";
import { Facts } from "./facts";
import { Failure } from "./failure";
import { FilesView } from "./files-view";
import { LogsView } from "./logs-view";
import { TaskActions } from "./task-actions";
import { timelineOf } from "./timeline";
import { TimelineView } from "./timeline-view";
import { useLiveTask } from "./use-live-task";
import { useTaskEvents } from "./use-task-events";
import { WaitingPanel } from "./waiting-panel";

export function TaskPage() {
  const [address] = useAddress();
  const taskId = address.get("id") ?? "";
  if (!taskId) return <NoTask />;
  return <OneTask key={taskId} taskId={taskId} />;
}

function NoTask() {
  return (
    <EmptyState title="Which task?" heading="h1">
      <p>The address of a task ends with its id: /task/?id=…</p>
      <p>
        <Link href="/" className={buttonClasses("primary")}>
          See all tasks
        </Link>
      </p>
    </EmptyState>
  );
}

function OneTask({ taskId }: { taskId: string }) {
  const { data: task, error, refetch } = useLiveTask(taskId);
  if (task) return <TaskView task={task} />;
  return (
    <div className="flex min-h-96 flex-col gap-3">
      <h1 className="break-all font-semibold text-xl tracking-tight">Task {taskId}</h1>
      {error && (
        <ProblemNotice error={error}>
          <Button onClick={() => void refetch()}>Try again</Button>
          <Link href="/" className={buttonClasses()}>
            See all tasks
          </Link>
        </ProblemNotice>
      )}
    </div>
  );
}

function TaskView({ task }: { task: TaskDetail }) {
  const events = useTaskEvents(task.task_id);
  const entries = useMemo(() => timelineOf(events, task.run_at), [events, task.run_at]);
  useEffect(() => {
    document.title = `${task.status}: ${task.task_type} · Atropos`;
  }, [task.status, task.task_type]);
  return (
    <div className="flex flex-col gap-5">
      <Title task={task} />
      <Progress task={task} />
      {task.status === "pending" && <WaitingPanel task={task} />}
      {task.error?.type === DEPENDENCY_FAILED && <DependencyFailure task={task} error={task.error} events={events} />}
      {task.status === "failed" && task.error && task.error.type !== DEPENDENCY_FAILED && (
        <section aria-label="Why it failed" className="panel border-failed p-4">
          <p className="font-semibold">Attempt {task.error.attempt} was the last, and failed.</p>
          <Failure error={task.error} isOpen />
        </section>
      )}
      <ChainView taskId={task.task_id} />
      {task.artifacts && task.artifacts.length > 0 && (
        <Section title="Files">
          <FilesView files={task.artifacts} />
        </Section>
      )}
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="flex min-w-0 flex-col gap-5">
          <Section title="Timeline">
            <TimelineView entries={entries} />
          </Section>
          <Section title="Logs">
            <LogsView taskId={task.task_id} state={task.status} />
          </Section>
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <Section title="Facts">
            <Facts task={task} />
          </Section>
          <Section title="Data">
            <JsonBlock title="Parameters" value={task.parameters} />
            {task.status === "completed" && <JsonBlock title="Result" value={task.result} />}
            {task.error && <JsonBlock title="Error" value={{ ...task.error, traceback: undefined }} />}
          </Section>
        </div>
      </div>
    </div>
  );
}

function Title({ task }: { task: TaskDetail }) {
  const description = useQuery(taskTypesQuery).data?.find(({ name }) => name === task.task_type)?.description;
  return (
    <div className="flex flex-wrap items-start justify-between gap-3">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-3">
          <h1 className="font-semibold text-xl tracking-tight" title={description}>
            {task.task_type}
          </h1>
          <StateBadge state={task.status} />
        </div>
        <div className="flex items-center gap-1">
          <p className="break-all font-mono text-muted text-xs">{task.task_id}</p>
          <CopyButton text={task.task_id} label="id" />
        </div>
      </div>
      <TaskActions task={task} />
    </div>
  );
}

function Progress({ task }: { task: TaskDetail }): ReactNode {
  return (
    <div className="flex flex-col gap-1">
      <ProgressBar progress={task.progress} state={task.status} label="Progress" />
      <p className="flex min-h-5 justify-between gap-3 text-muted tabular-nums">
        <span className="truncate">{task.status !== "completed" && task.progress_message}</span>
        <span>{Math.round(task.progress * 100)} %</span>
      </p>
    </div>
  );
}
