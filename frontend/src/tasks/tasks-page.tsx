"use client";

import Link from "next/link";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Button, buttonClasses } from "@/elements/button";
import { ProblemNotice } from "@/elements/problem-notice";
import { formatCount } from "@/format/time";
import { useAddress } from "@/shell/use-address";
import { BulkBar } from "./bulk-bar";
import { trailFrom, withTrail } from "./cursors";
import { FilterBar } from "./filter-bar";
import { addressOf, type Filters, filtersFrom, isFiltered, limitFrom, NO_FILTERS } from "./filters";
import { KeyHelp } from "./key-help";
import { NoTasks } from "./no-tasks";
import { Pager } from "./pager";
import { TaskTable } from "./task-table";
import { useKeyboard } from "./use-keyboard";
import { useSelection } from "./use-selection";
import { useTaskPage } from "./use-task-page";

/** Scrolled further than this many pixels, the reader is amid the rows, which must not move. */
const SCROLLED_PIXELS = 80;

function subscribeScroll(listener: () => void): () => void {
  window.addEventListener("scroll", listener, { passive: true });
  return () => window.removeEventListener("scroll", listener);
}

const useScrolled = (): boolean =>
  useSyncExternalStore(
    subscribeScroll,
    () => window.scrollY > SCROLLED_PIXELS,
    () => false,
  );

export function TasksPage() {
  const [address, go] = useAddress();
  const filterKey = addressOf(filtersFrom(address)).toString();
  const filters = useMemo(() => filtersFrom(new URLSearchParams(filterKey)), [filterKey]);
  const trail = useMemo(() => trailFrom(address), [address]);
  const limit = limitFrom(address);
  const selection = useSelection();
  const isHeld = useScrolled() || selection.ids.size > 0 || selection.isEverything;
  const page = useTaskPage({ filters, cursor: trail.at(-1), limit, isHeld });
  const tasks = page.data?.tasks ?? [];
  const next = page.data?.next_cursor;

  const table = useRef<HTMLTableElement>(null);
  const idField = useRef<HTMLInputElement>(null);
  const [isHelpShown, setHelpShown] = useState(false);
  const turnTo = (to: string[]) => {
    go(withTrail(address, to));
    window.scrollTo({ top: 0 });
  };
  const toNext = next && !page.isPlaceholderData ? () => turnTo([...trail, next]) : undefined;
  const toPrevious = trail.length > 0 ? () => turnTo(trail.slice(0, -1)) : undefined;
  const change = (changed: Filters, how?: "push" | "replace") => go(addressOf(changed, limit), how);

  const togglePage = () => selection.replace(selection.ids.size > 0 ? [] : tasks.map(({ task_id }) => task_id));
  useKeyboard(table, idField, {
    showHelp: () => setHelpShown(true),
    togglePage,
    clear: selection.clear,
    next: () => toNext?.(),
    previous: () => toPrevious?.(),
  });
  const { clear } = selection;
  useEffect(() => {
    if (filters) clear();
  }, [filters, clear]);

  return (
    <div className="flex flex-col gap-3">
      <div className="flex min-h-8 items-center justify-between gap-2">
        <h1 className="font-semibold text-xl tracking-tight">Tasks</h1>
        <div className="flex items-center gap-2">
          {isFiltered(filters) && <Button onClick={() => change(NO_FILTERS)}>Clear filters</Button>}
          <Button look="quiet" onClick={() => setHelpShown(true)} className="max-sm:hidden">
            Keys <kbd className="rounded border border-control px-1 font-mono text-xs">?</kbd>
          </Button>
          <Link href="/new/" className={buttonClasses("primary")}>
            New task
          </Link>
        </div>
      </div>
      <FilterBar filters={filters} idField={idField} onChange={change} />
      {page.error && !page.data && (
        <ProblemNotice error={page.error}>
          <Button onClick={() => void page.refetch()}>Try again</Button>
          {isFiltered(filters) && <Button onClick={() => change(NO_FILTERS)}>Clear filters</Button>}
        </ProblemNotice>
      )}
      <div className="panel relative min-h-96 pb-px">
        {page.newer > 0 && (
          <NewerTasks
            count={page.newer}
            onShow={() => {
              selection.clear();
              window.scrollTo({ top: 0 });
            }}
          />
        )}
        <TaskTable tasks={tasks} table={table} selection={selection} isStale={page.isPlaceholderData} />
        {page.data && tasks.length === 0 && (
          <NoTasks isFiltered={isFiltered(filters) || trail.length > 0} onClear={() => change(NO_FILTERS)} />
        )}
        {(tasks.length > 0 || trail.length > 0) && (
          <Pager
            limit={limit}
            shown={tasks.length}
            onFirst={trail.length > 0 ? () => turnTo([]) : undefined}
            onPrevious={toPrevious}
            onNext={toNext}
            onLimit={(size) => go(addressOf(filters, size))}
          />
        )}
      </div>
      <BulkBar selection={selection} filters={filters} hasOtherPages={Boolean(next) || trail.length > 0} />
      {isHelpShown && <KeyHelp onClose={() => setHelpShown(false)} />}
    </div>
  );
}

function NewerTasks({ count, onShow }: { count: number; onShow: () => void }) {
  return (
    <div className="pointer-events-none sticky top-14 z-10 flex h-0 justify-center">
      <Button look="primary" onClick={onShow} className="pointer-events-auto h-8 rounded-full shadow-lg">
        {formatCount(count)} new {count === 1 ? "task" : "tasks"} ↑
      </Button>
    </div>
  );
}
