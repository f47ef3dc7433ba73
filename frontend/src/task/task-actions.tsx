"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { answerOf, client } from "@/api/client";
import { taskQuery } from "@/api/queries";
import { hasEnded, type TaskDetail } from "@/api/types";
import { Button, buttonClasses } from "@/elements/button";
import { ProblemNotice } from "@/elements/problem-notice";

export function TaskActions({ task }: { task: TaskDetail }) {
  const queryClient = useQueryClient();
  const act = useMutation({
    mutationFn: (action: "cancel" | "retry") => {
      const params = { path: { task_id: task.task_id } };
      const call =
        action === "cancel"
          ? client.POST("/tasks/{task_id}/cancel", { params })
          : client.POST("/tasks/{task_id}/retry", { params });
      return answerOf(call);
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: taskQuery(task.task_id).queryKey }),
  });
  const isEnded = hasEnded(task.status);
  const isAsked = Boolean(task.cancel_requested_at) && !isEnded;
  return (
    <div className="flex flex-col items-end gap-2">
      <div className="flex flex-wrap gap-2">
        {!isEnded && (
          <Button look="danger" disabled={act.isPending || isAsked} onClick={() => act.mutate("cancel")}>
            {isAsked ? "Asked to stop" : "Cancel"}
          </Button>
        )}
        {(task.status === "failed" || task.status === "cancelled") && (
          <Button look="primary" disabled={act.isPending} onClick={() => act.mutate("retry")}>
            Retry
          </Button>
        )}
        <Link href={`/new/?clone=${task.task_id}`} className={buttonClasses()}>
          Clone with changes
        </Link>
      </div>
      {act.error && <ProblemNotice error={act.error} />}
    </div>
  );
}
