"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { BulkFilter, BulkResult } from "@/api/types";
import { Button } from "@/elements/button";
import { Dialog } from "@/elements/dialog";
import { ProblemNotice } from "@/elements/problem-notice";
import { formatCount } from "@/format/time";
import { type BulkAction, callBulk } from "./bulk";

const WORDS = {
  cancel: { title: "Cancel tasks", can: "can be cancelled", verb: "Cancel", done: "cancelled or asked to stop" },
  retry: { title: "Retry tasks", can: "can run again", verb: "Retry", done: "pending again" },
} as const;

interface BulkDialogProps {
  action: BulkAction;
  filter: BulkFilter;
  /** How many were selected; null when it is everything that matches. */
  selected: number | null;
  onClose: (isDone: boolean) => void;
}

export function BulkDialog({ action, filter, selected, onClose }: BulkDialogProps) {
  const queryClient = useQueryClient();
  const words = WORDS[action];
  const preview = useQuery({
    queryKey: ["bulk", action, filter],
    queryFn: () => callBulk(action, filter, true),
    staleTime: 0,
  });
  const change = useMutation({
    mutationFn: () => callBulk(action, filter, false),
    onSuccess: () => void queryClient.invalidateQueries({ queryKey: ["tasks"] }),
  });
  const close = () => onClose(change.isSuccess);
  const error = change.error ?? preview.error;
  const isDone = change.isSuccess && !change.data.more;
  const matched = preview.data?.matched ?? 0;
  return (
    <Dialog title={words.title} onClose={close}>
      <div aria-live="polite" className="min-h-16">
        {error && <ProblemNotice error={error} />}
        {change.data ? (
          <p>
            <strong>{formatCount(change.data.changed)}</strong> {change.data.changed === 1 ? "task is" : "tasks are"}{" "}
            {words.done}.{change.data.more && " There are more: one call changes 10,000."}
          </p>
        ) : (
          <Preview result={preview.data} selected={selected} can={words.can} />
        )}
      </div>
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={close}>{isDone ? "Close" : "Leave it"}</Button>
        {!isDone && (
          <Button
            look={action === "cancel" ? "danger" : "primary"}
            disabled={matched === 0 || change.isPending}
            onClick={() => change.mutate()}
          >
            {change.data?.more ? "The next 10,000" : `${words.verb} ${preview.data ? formatCount(matched) : ""}`}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

interface PreviewProps {
  result: BulkResult | undefined;
  selected: number | null;
  can: string;
}

function Preview({ result, selected, can }: PreviewProps) {
  if (!result) return <p className="text-muted">Counting…</p>;
  const count = `${formatCount(result.matched)}${result.more ? " (and more)" : ""}`;
  return (
    <>
      <p>
        <strong>{count}</strong>{" "}
        {selected === null ? "of all tasks that match the filters" : `of ${formatCount(selected)} selected tasks`} {can}
        .
      </p>
      {result.matched !== selected && (
        <p className="mt-1 text-muted">
          {result.matched === 0
            ? "Pending and processing tasks can be cancelled; failed and cancelled ones can run again."
            : "The others are left as they are."}
        </p>
      )}
    </>
  );
}
