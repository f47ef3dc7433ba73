"use client";

import type { ReactNode } from "react";
import { Elapsed, RelativeTime } from "@/elements/relative-time";
import { TaskLink } from "@/elements/task-link";
import { formatClock, formatExact } from "@/format/time";
import { Failure } from "./failure";
import type { Entry, Note, Outcome, Run, Wait } from "./timeline";
import { TimelineStrip } from "./timeline-strip";

const OUTCOMES: Record<Outcome | "running", { word: string; colour: string; dot: string }> = {
  running: { word: "running", colour: "text-processing", dot: "bg-processing" },
  completed: { word: "completed", colour: "text-completed", dot: "bg-completed" },
  failed: { word: "failed", colour: "text-failed", dot: "bg-failed" },
  retry_scheduled: { word: "failed, to be tried again", colour: "text-failed", dot: "bg-failed" },
  rescued: { word: "worker lost, to be tried again", colour: "text-failed", dot: "bg-failed" },
  interrupted: {
    word: "given back by its worker; does not count",
    colour: "text-cancelled",
    dot: "bg-cancelled",
  },
  cancelled: { word: "cancelled", colour: "text-cancelled", dot: "bg-cancelled" },
};

const WAITS: Record<Wait["reason"], string> = {
  submitted: "Submitted",
  scheduled: "Scheduled",
  "for other tasks": "Submitted, to run after other tasks",
  released: "The tasks before it have ended",
  "backing off": "Backing off before the next attempt",
  "given back": "Back in the queue",
  rescued: "Back in the queue",
  retried: "Retried by somebody",
};

export function TimelineView({ entries }: { entries: readonly Entry[] }) {
  if (entries.length === 0) return <p className="panel min-h-24 p-4 text-muted">Reading what happened…</p>;
  return (
    <div className="panel flex flex-col gap-4 p-4">
      <TimelineStrip entries={entries} />
      <ol className="flex flex-col">
        {entries.map((entry) => (
          <li key={entry.id} className="relative flex gap-3 pb-4 last:pb-0">
            <span aria-hidden="true" className={`mt-1.5 size-2.5 shrink-0 rounded-full ${dotOf(entry)}`} />
            <div className="min-w-0 flex-1">
              {entry.kind === "run" ? <RunView run={entry} /> : <WaitView wait={entry} />}
            </div>
            <time
              dateTime={entry.from}
              title={formatExact(entry.from)}
              className="shrink-0 font-mono text-muted text-xs leading-5"
            >
              {formatClock(entry.from)}
            </time>
          </li>
        ))}
      </ol>
    </div>
  );
}

const dotOf = (entry: Entry): string =>
  entry.kind === "wait" ? "border-2 border-control" : OUTCOMES[entry.outcome ?? "running"].dot;

function WaitView({ wait }: { wait: Wait }) {
  return (
    <>
      <p className="text-muted">
        {WAITS[wait.reason]}, {wait.to ? "waited" : "waiting"} <Elapsed from={wait.from} to={wait.to} />
        {wait.due && !wait.to && (
          <>
            {" "}
            · due <RelativeTime at={wait.due} />
          </>
        )}
      </p>
      <Notes notes={wait.notes} />
    </>
  );
}

function RunView({ run }: { run: Run }) {
  const { word, colour } = OUTCOMES[run.outcome ?? "running"];
  return (
    <>
      <p>
        <span className="font-medium">Attempt {run.attempt}</span>{" "}
        <span className={`font-medium ${colour}`}>{word}</span>
        <span className="text-muted">
          , <Elapsed from={run.from} to={run.to} />
          {run.outcome !== "completed" && (
            <>
              {" "}
              <span className="whitespace-nowrap">· at {Math.round(run.progress * 100)} %</span>
            </>
          )}
        </span>
      </p>
      {run.worker && <p className="break-all font-mono text-muted text-xs">{run.worker}</p>}
      <Notes notes={run.notes} />
      {run.error && <Failure error={run.error} />}
    </>
  );
}

function Notes({ notes }: { notes: readonly Note[] }): ReactNode {
  return notes.map((note) => (
    <p key={note.id} className="text-muted text-xs">
      {formatClock(note.at)} {note.text} {note.taskId && <TaskLink taskId={note.taskId} />}
    </p>
  ));
}
