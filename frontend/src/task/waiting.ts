/** Why a pending task does not run, in sentences. */
import type { TaskStatusView, TaskSummary, Worker } from "@/api/types";
import { formatCount } from "@/format/time";

export interface WaitingReason {
  headline: string;
  details: string[];
  /** A moment to count down to. */
  due: string | null;
}

export function waitingReason(
  task: TaskSummary,
  status: TaskStatusView | undefined,
  workers: readonly Worker[] | undefined,
  isDueLater: boolean,
): WaitingReason {
  const workersTold = workers ? workerSentences(task.queue, workers) : [];
  if (isDueLater) {
    const headline =
      task.attempt > 0 ? `Attempt ${task.attempt} failed; the next one is due` : "It is scheduled, and due";
    return { headline, details: workersTold, due: task.run_at };
  }
  const position = status?.queue_position;
  const ahead =
    position === 0 ? "It is among the next of its queue." : position && `${formatCount(position)} tasks go before it.`;
  const beyond = status && position === null && "More than 10,000 tasks go before it.";
  const details = [ahead || beyond || "", ...workersTold].filter(Boolean);
  return { headline: `It waits for a worker in queue ${task.queue}`, details, due: null };
}

function workerSentences(queue: string, workers: readonly Worker[]): string[] {
  const serving = workers.filter((worker) => worker.queues.includes(queue));
  const taking = serving.filter((worker) => !worker.draining);
  if (taking.length === 0) {
    const draining = serving.length > 0 ? ` ${serving.length} finish what they run and take nothing new.` : "";
    return [`No worker serves queue ${queue} now: start one, or wait until one is scaled up.${draining}`];
  }
  const slots = taking.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = taking.reduce((sum, worker) => sum + (worker.running?.length ?? 0), 0);
  const count = taking.length === 1 ? "1 worker serves" : `${taking.length} workers serve`;
  return [`${count} queue ${queue}: ${busy} of ${slots} slots are busy.`];
}
