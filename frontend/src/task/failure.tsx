import type { TaskError } from "@/api/types";
import { CodeBlock } from "@/elements/code-block";

const REASONS: Record<TaskError["reason"], string> = {
  error: "The handler raised an exception.",
  permanent: "The handler said that no retry can help.",
  timeout: "It ran longer than its timeout.",
  worker_lost: "The process that ran it died or was cut off.",
};

interface FailureProps {
  error: TaskError;
  isOpen?: boolean;
}

/** Why an attempt failed, with its traceback folded away. */
export function Failure({ error, isOpen = false }: FailureProps) {
  return (
    <div className="mt-1 min-w-0">
      <p className="break-words text-failed">
        <span className="font-mono text-xs">{error.type}</span>: {error.message}
      </p>
      <p className="text-muted text-xs">{REASONS[error.reason]}</p>
      {error.traceback && (
        <details open={isOpen} className="mt-1">
          <summary className="w-fit rounded text-muted text-xs hover:text-ink">Traceback</summary>
          <div className="mt-1">
            <CodeBlock title={`Traceback of attempt ${error.attempt}`} text={error.traceback} />
          </div>
        </details>
      )}
    </div>
  );
}
