/** Cancelling and retrying many tasks: which, how many, and the calls. */
import { answerOf, client } from "@/api/client";
import type { BulkFilter, BulkResult, TaskState } from "@/api/types";

export type BulkAction = "cancel" | "retry";

/** The states that an action changes; other tasks that match are left alone. */
const AMONG: Record<BulkAction, TaskState[]> = {
  cancel: ["pending", "processing"],
  retry: ["failed", "cancelled"],
};

/** What the API is asked: it wants at least one condition, so "everything" names the states that can change. */
export function bulkRequest(action: BulkAction, filter: BulkFilter): BulkFilter {
  return Object.keys(filter).length > 0 ? filter : { status: AMONG[action] };
}

export function callBulk(action: BulkAction, filter: BulkFilter, isDryRun: boolean): Promise<BulkResult> {
  const body = { filter: bulkRequest(action, filter), dry_run: isDryRun };
  const call = action === "cancel" ? client.POST("/tasks/cancel", { body }) : client.POST("/tasks/retry", { body });
  return answerOf(call);
}
