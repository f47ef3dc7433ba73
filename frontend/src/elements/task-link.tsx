import Link from "next/link";
import { shortTaskId } from "@/format/task-id";

/** Another task, within a sentence. */
export function TaskLink({ taskId, taskType }: { taskId: string; taskType?: string }) {
  return (
    <Link
      prefetch={false}
      href={`/task/?id=${taskId}`}
      title={taskId}
      className="whitespace-nowrap rounded underline underline-offset-2"
    >
      {taskType && `${taskType} `}
      <span className="font-mono text-xs">{shortTaskId(taskId)}</span>
    </Link>
  );
}
