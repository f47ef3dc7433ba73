"use client";

import { useState } from "react";
import { Button } from "@/elements/button";
import { formatCount } from "@/format/time";
import type { BulkAction } from "./bulk";
import { BulkDialog } from "./bulk-dialog";
import { bulkFilterOf, type Filters } from "./filters";
import type { Selection } from "./use-selection";

interface BulkBarProps {
  selection: Selection;
  filters: Filters;
  hasOtherPages: boolean;
}

/** Lies over the page's end while something is selected, so that no row moves. */
export function BulkBar({ selection, filters, hasOtherPages }: BulkBarProps) {
  const [action, setAction] = useState<BulkAction | null>(null);
  const { ids, isEverything } = selection;
  if (ids.size === 0 && !isEverything) return null;
  const filter = isEverything ? bulkFilterOf(filters, Date.now()) : { task_ids: [...ids] };
  const close = (isDone: boolean) => {
    setAction(null);
    if (isDone) selection.clear();
  };
  return (
    <section
      aria-label="Selected tasks"
      className="fixed inset-x-3 bottom-4 z-30 mx-auto flex w-fit max-w-full flex-wrap items-center justify-center gap-2 rounded-xl border border-control bg-surface px-3 py-2 shadow-xl"
    >
      <output className="px-1 font-medium">
        {isEverything ? "All that match the filters" : `${formatCount(ids.size)} selected`}
      </output>
      {!isEverything && hasOtherPages && !filters.id && (
        <Button look="quiet" onClick={selection.selectEverything}>
          Select all that match
        </Button>
      )}
      <Button look="danger" onClick={() => setAction("cancel")}>
        Cancel…
      </Button>
      <Button onClick={() => setAction("retry")}>Retry…</Button>
      <Button look="quiet" onClick={selection.clear}>
        Clear
      </Button>
      {action && (
        <BulkDialogOnce action={action} filter={filter} selected={isEverything ? null : ids.size} onClose={close} />
      )}
    </section>
  );
}

/** The filter as it was when the dialog opened: a window of time must not move while one reads. */
function BulkDialogOnce(props: Parameters<typeof BulkDialog>[0]) {
  const [filter] = useState(props.filter);
  return <BulkDialog {...props} filter={filter} />;
}
