/** Calls that see a task through: its events, its log lines, its end; over restarts of the API, and without streams. */
import { hasEnded, type LogLine, type Task, type TaskEvent, type TaskStatus } from "./documents.js";
import { successful, WaitTimeout } from "./errors.js";
import { EventStream, FRUITLESS_STREAMS } from "./events.js";
import { sleep } from "./patience.js";
import type { CallOptions } from "./requests.js";
import { TaskCalls } from "./tasks.js";

/** Seconds between two looks, and before a stream is opened again. */
const PAUSE_SECONDS = 1;
/** Lines asked for in one call: as many as the API gives. */
const LOG_PAGE = 1000;

export interface WaitOptions extends CallOptions {
  /** Seconds to wait. */
  timeout?: number;
  /** Throw unless it completed; true by default. */
  check?: boolean;
  onStatus?: (status: TaskStatus) => void;
  onEvent?: (event: TaskEvent) => void;
}

export class FollowingCalls extends TaskCalls {
  /**
   * The task, whole, once it has ended. Throws TaskFailed or TaskCancelled unless it completed, or `check` is false;
   * WaitTimeout when it has not ended after `timeout` seconds; the signal's reason when that is aborted.
   */
  async wait(taskId: string, options: WaitOptions = {}): Promise<Task> {
    const { timeout, check = true } = options;
    const clock = new AbortController();
    const over = () => clock.abort(new WaitTimeout(`the task had not ended after ${timeout} s`));
    const timer = timeout === undefined ? undefined : setTimeout(over, timeout * 1000);
    const signal = options.signal ? AbortSignal.any([options.signal, clock.signal]) : clock.signal;
    try {
      const task = await this.#wait(taskId, signal, options);
      return check ? successful(task) : task;
    } finally {
      clearTimeout(timer);
    }
  }

  async #wait(taskId: string, signal: AbortSignal, { onStatus, onEvent }: WaitOptions): Promise<Task> {
    const stream = new EventStream(this, taskId);
    let status = await this.getStatus(taskId, { signal });
    onStatus?.(status);
    while (!hasEnded(status.status)) {
      if (stream.fruitless < FRUITLESS_STREAMS) {
        for await (const event of stream.read(signal)) onEvent?.(event);
      }
      status = await this.getStatus(taskId, { signal });
      onStatus?.(status);
      if (!hasEnded(status.status)) await sleep(PAUSE_SECONDS, signal);
    }
    return this.getTask(taskId, { signal });
  }

  /**
   * The events of a task, all or those after one id, live until it has ended. Goes on after the last one when the
   * connection breaks. Throws StreamUnavailable where no stream gets through.
   */
  async *stream(taskId: string, { signal, after }: CallOptions & { after?: string } = {}): AsyncGenerator<TaskEvent> {
    const stream = new EventStream(this, taskId, after);
    const outage = this.outage();
    while (!stream.ended) {
      const before = stream.seen;
      for await (const event of stream.read(signal)) {
        outage.over();
        yield event;
      }
      if (stream.error) await outage.pauseAfter(stream.error, signal);
      else if (stream.seen === before && !stream.ended) await sleep(PAUSE_SECONDS, signal);
    }
  }

  /** What the task's handler logged, oldest first; with `follow` on until the task has ended. */
  async *logs(
    taskId: string,
    { signal, attempt, follow = false }: CallOptions & { attempt?: number; follow?: boolean } = {},
  ): AsyncGenerator<LogLine> {
    const options = { signal };
    const query: { limit: number; attempt?: number; after?: string } = { limit: LOG_PAGE };
    if (attempt) query.attempt = attempt;
    for (;;) {
      // The status is older than the page: the last lines are stored together with the end.
      const last = !follow || hasEnded((await this.getStatus(taskId, options)).status);
      for (let full = true; full; ) {
        const call = () =>
          this.api.GET("/tasks/{task_id}/logs", { params: { path: { task_id: taskId }, query }, ...options });
        const page = await this.answer(call, { repeatable: true, ...options });
        yield* page.lines;
        if (page.next_cursor) query.after = page.next_cursor;
        full = page.lines.length === LOG_PAGE;
      }
      if (last) return;
      await sleep(PAUSE_SECONDS, signal);
    }
  }
}
