"use client";

import { useEffect, useRef } from "react";
import type { LogLine, TaskState } from "@/api/types";
import { ProblemNotice } from "@/elements/problem-notice";
import { formatClock, formatExact } from "@/format/time";
import { useLogs } from "./use-logs";

/** So many pixels from the end still count as the end, which new lines keep in sight. */
const END_PIXELS = 24;

export function LogsView({ taskId, state }: { taskId: string; state: TaskState }) {
  const { data, error } = useLogs(taskId, state);
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const lines = data?.lines ?? [];
  const count = lines.length;
  useEffect(() => {
    if (box.current && isAtEnd.current && count > 0) box.current.scrollTop = box.current.scrollHeight;
  }, [count]);
  if (error && !data) return <ProblemNotice error={error} />;
  return (
    <div
      ref={box}
      role="log"
      aria-label="Log lines"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < END_PIXELS;
      }}
      className="panel h-56 overflow-auto p-3 font-mono text-xs leading-relaxed"
    >
      {count === 0 && (
        <p className="font-sans text-muted text-sm">
          {data?.isWhole ? "It logged nothing." : "Nothing yet."} A handler logs with{" "}
          <code className="font-mono text-xs">context.log("message", name=value)</code>.
        </p>
      )}
      {lines.map((line) => (
        <Line key={`${line.attempt} ${line.line} ${line.at}`} line={line} />
      ))}
    </div>
  );
}

function Line({ line }: { line: LogLine }) {
  const fields = Object.entries(line.fields);
  return (
    <p className="whitespace-pre-wrap break-words">
      <time dateTime={line.at} title={formatExact(line.at)} className="text-muted">
        {formatClock(line.at)}
      </time>{" "}
      <span className="text-muted">#{line.attempt}</span> {line.message}
      {fields.map(([name, value]) => (
        <span key={name} className="text-muted">
          {"  "}
          {name}=<span className="text-ink">{typeof value === "string" ? value : JSON.stringify(value)}</span>
        </span>
      ))}
    </p>
  );
}
