import type { TaskDetail, TaskError, TaskEvent } from "@/api/types";
import { TaskLink } from "@/elements/task-link";

/** The type of the error of a task that ended because of another one. */
export const DEPENDENCY_FAILED = "dependency_failed";

interface DependencyFailureProps {
  task: TaskDetail;
  error: TaskError;
  events: readonly TaskEvent[];
}

/** Why it never ran. The error says it in a sentence, the event names the other task. */
export function DependencyFailure({ task, error, events }: DependencyFailureProps) {
  const taskId = events.findLast(({ data }) => data.dependency_failed)?.data.dependency_failed;
  const border = task.status === "failed" ? "border-failed" : "border-cancelled";
  return (
    <section aria-label="Why it did not run" className={`panel p-4 ${border}`}>
      <p className="font-semibold">
        It was to run after other tasks, one of which did not complete{taskId && ": "}
        {taskId && <TaskLink taskId={taskId} />}.
      </p>
      <p className="mt-1 break-words text-muted">{error.message}</p>
    </section>
  );
}
