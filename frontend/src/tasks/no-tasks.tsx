"use client";

import Link from "next/link";
import { useSyncExternalStore } from "react";
import { Button, buttonClasses } from "@/elements/button";
import { CodeBlock } from "@/elements/code-block";
import { EmptyState } from "@/elements/empty-state";
import { apiAddress } from "@/submit/snippets";

interface NoTasksProps {
  isFiltered: boolean;
  onClear: () => void;
}

export function NoTasks({ isFiltered, onClear }: NoTasksProps) {
  const api = useSyncExternalStore(
    () => () => {},
    apiAddress,
    () => "",
  );
  if (isFiltered) {
    return (
      <EmptyState title="No task matches these filters">
        <p>Every filter must match. States are alternatives; an id is found by its beginning.</p>
        <p>
          <Button onClick={onClear}>Clear filters</Button>
        </p>
      </EmptyState>
    );
  }
  const curl = `curl ${api}/tasks -H 'Content-Type: application/json' \\\n  -d '{"task_type": "default", "parameters": {"processing_time": 10}}'`;
  return (
    <EmptyState title="No tasks yet">
      <p>A task is a piece of work that a worker does for you. Submit one, and it shows here as it runs.</p>
      <p>
        <Link href="/new/" className={buttonClasses("primary")}>
          New task
        </Link>
      </p>
      <div className="text-left text-ink">
        <CodeBlock title="The same from a shell" text={curl} />
      </div>
    </EmptyState>
  );
}
