/** What can go wrong with a call; all are AtroposError. */
import type { Problem, Task, TaskError } from "./documents.js";

/** What a gateway answers for an API that restarts, and the API for a database that does. */
const TEMPORARY = new Set([502, 503, 504]);

/** The base of all errors of this package. */
export class AtroposError extends Error {
  /** The same call may succeed a little later. */
  readonly temporary: boolean = false;
  /** Seconds after which to try again, as the API said. */
  readonly retryAfter: number | undefined;
  /** The API cannot have seen the request. */
  readonly unsent: boolean = false;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nothing that speaks the Atropos API answers at the address; the message says why. */
export class ApiUnreachable extends AtroposError {
  override readonly temporary: boolean;
  override readonly unsent: boolean;

  constructor(message: string, options: ErrorOptions & { temporary?: boolean } = {}) {
    super(message, options);
    this.temporary = options.temporary ?? true;
    this.unsent = codeOf(options.cause) === "ECONNREFUSED";
  }
}

/** What answered is no event stream, though the API is there: something between does not let it through. */
export class StreamUnavailable extends AtroposError {}

/** The API refused the request, with an RFC 9457 problem document. */
export class ProblemError extends AtroposError {
  override readonly temporary: boolean;
  override readonly retryAfter: number | undefined;
  readonly title: string;
  readonly detail: string;
  readonly errors: NonNullable<Problem["errors"]>;

  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
    retryAfter?: string | null,
  ) {
    const title = problem.title ?? `HTTP status ${status}`;
    super(problem.detail ? `${title}: ${problem.detail}` : title);
    this.title = title;
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
    this.temporary = isTemporary(status);
    this.retryAfter = retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined;
  }
}

/** The time to wait was over; the task goes on. */
export class WaitTimeout extends AtroposError {}

/** What arrived is not what was sent; nothing of it was kept. */
export class ChecksumMismatch extends AtroposError {}

/** The task has ended without a result; `task` is the whole of it. */
export class TaskUnsuccessful extends AtroposError {
  readonly error: TaskError | null;

  constructor(
    readonly task: Task,
    message: string,
  ) {
    super(message);
    this.error = task.error;
  }
}

export class TaskFailed extends TaskUnsuccessful {}
export class TaskCancelled extends TaskUnsuccessful {}

/** The task, if it has completed. Throws TaskFailed or TaskCancelled. */
export function successful(task: Task): Task {
  const { error } = task;
  if (task.status === "failed") {
    const why = error ? `${error.type}: ${error.message} (attempt ${error.attempt})` : "no error is known";
    throw new TaskFailed(task, `task ${task.task_id} failed: ${why}`);
  }
  if (task.status === "cancelled") throw new TaskCancelled(task, `task ${task.task_id} was cancelled`);
  return task;
}

export function isTemporary(status: number): boolean {
  return TEMPORARY.has(status);
}

function codeOf(cause: unknown): unknown {
  const inner = cause instanceof Error ? cause.cause : undefined;
  return typeof inner === "object" && inner !== null && "code" in inner ? inner.code : undefined;
}
