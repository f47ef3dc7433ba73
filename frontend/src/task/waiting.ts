/** Why a pending task does not run, in sentences. */
import { hasEnded, type NeededTask, type TaskStatusView, type TaskSummary, type Worker } from "@/api/types";
import { formatCount } from "@/format/time";

export interface WaitingReason {
  headline: string;
  details: string[];
  /** A moment to count down to. */
  due: string | null;
  /** The tasks that it waits for. */
  tasks: readonly NeededTask[];
}

export function waitingReason(
  task: TaskSummary,
  status: TaskStatusView | undefined,
  workers: readonly Worker[] | undefined,
  isDueLater: boolean,
): WaitingReason {
  const needed = status?.waiting_for ?? [];
  if (needed.length > 0) return waitingForTasks(needed, isDueLater);
  const workersTold = workers ? workerSentences(task.queue, workers) : [];
  if (isDueLater) {
    const headline =
      task.attempt > 0 ? `Attempt ${task.attempt} failed; the next one is due` : "It is scheduled, and due";
    return { headline, details: workersTold, due: task.run_at, tasks: [] };
  }
  const limit = status?.waiting_for_limit;
  if (limit)
    return { headline: "It waits for others to make room", details: [limit, ...workersTold], due: null, tasks: [] };
  const position = status?.queue_position;
  const ahead =
    position === 0 ? "It is among the next of its queue." : position && `${formatCount(position)} tasks go before it.`;
  const beyond = status && position === null && "More than 10,000 tasks go before it.";
  const details = [ahead || beyond || "", ...workersTold].filter(Boolean);
  return { headline: `It waits for a worker in queue ${task.queue}`, details, due: null, tasks: [] };
}

function waitingForTasks(tasks: readonly NeededTask[], isDueLater: boolean): WaitingReason {
  const headline = tasks.length === 1 ? "It waits for a task" : `It waits for ${tasks.length} tasks`;
  const ended = tasks.some(({ status }) => hasEnded(status))
    ? ["What has failed or was cancelled has to be retried first."]
    : [];
  const later = isDueLater ? ["After that it waits until it is due."] : [];
  return { headline, details: [...ended, ...later], due: null, tasks };
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
