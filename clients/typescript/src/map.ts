/** `map`: one task for each of many parameters, a bounded number of them at a time. */
import { hasEnded, type Parameters, type SubmitOptions, type Task, type TaskSummary } from "./documents.js";
import { AtroposError, successful } from "./errors.js";
import { FollowingCalls } from "./following.js";
import { sleep } from "./patience.js";
import type { CallOptions } from "./requests.js";

/** Seconds between two looks at the tasks that have not ended; between these, by how often one ends. */
const SHORTEST_PAUSE_SECONDS = 0.05;
const LONGEST_PAUSE_SECONDS = 1;
/** Ids in the query of one request; gateways take 8 KiB of it. */
const IDS_OF_LIST = 100;
/** Ids that one bulk call takes. */
const IDS_OF_CANCEL = 10_000;

/** How far a map is. */
export interface MapProgress {
  /** Tasks to run in all; undefined when the parameters do not tell their number. */
  total: number | undefined;
  submitted: number;
  completed: number;
  failed: number;
  cancelled: number;
}

export interface MapOptions extends SubmitOptions, CallOptions {
  /** Tasks that are submitted and have not ended, at most; 16 by default. */
  concurrency?: number;
  /** In the order of the parameters, or as they end; true by default. */
  ordered?: boolean;
  /** Throw for the first task that does not complete; true by default. */
  check?: boolean;
  onProgress?: (progress: MapProgress) => void;
}

type Many = Iterable<Parameters> | AsyncIterable<Parameters>;

type Ending = "completed" | "failed" | "cancelled";
type Seen = Pick<TaskSummary, "task_id" | "status" | "finished_at">;

export class MapCalls extends FollowingCalls {
  /**
   * Run a task for each of the parameters, and yield the tasks, whole, once they have ended. Parameters are taken only
   * when there is room for their task. When the caller stops, or an error ends the map, the tasks that have not ended
   * are cancelled.
   */
  async *map(taskType: string, parameters: Many, options: MapOptions = {}): AsyncGenerator<Task> {
    const { concurrency = 16, ordered = true, check = true, signal } = options;
    const run = new Run(this, taskType, options, lengthOf(parameters));
    const source = iteratorOf(parameters);
    let more = true;
    try {
      for (;;) {
        while (more && run.outstanding.size < concurrency) {
          const next = await source.next();
          if (next.done) more = false;
          else await run.submit(next.value);
        }
        const taskId = run.takeNext(ordered);
        if (taskId !== undefined) {
          const task = await this.getTask(taskId, { signal });
          yield check ? successful(task) : task;
        } else if (run.outstanding.size > 0) await run.look();
        else return;
      }
    } finally {
      await source.return?.();
      for (const ids of portions([...run.outstanding], IDS_OF_CANCEL)) await this.cancelAll(ids);
    }
  }
}

/** The tasks of one map. */
class Run {
  /** Ids of those that have not ended. */
  readonly outstanding = new Set<string>();
  /** Those that were not taken: all in the order of the parameters, and the ended ones in that of their ends. */
  readonly #submitted = new Set<string>();
  readonly #ended: string[] = [];
  readonly #progress: MapProgress;
  readonly #call: CallOptions;
  readonly #fields: SubmitOptions;
  readonly #onProgress: MapOptions["onProgress"];
  #pause = SHORTEST_PAUSE_SECONDS;

  constructor(
    readonly calls: MapCalls,
    readonly taskType: string,
    { concurrency: _, ordered: __, check: ___, onProgress, signal, ...fields }: MapOptions,
    total: number | undefined,
  ) {
    this.#progress = { total, submitted: 0, completed: 0, failed: 0, cancelled: 0 };
    this.#call = { signal };
    this.#fields = fields;
    this.#onProgress = onProgress;
  }

  async submit(parameters: Parameters): Promise<void> {
    const idempotencyKey = crypto.randomUUID();
    try {
      await this.#send(parameters, { ...this.#fields, ...this.#call, idempotencyKey });
    } catch (error) {
      // Aborted: whether it was stored, and under which id, only the same request tells.
      if (!(error instanceof AtroposError)) await this.#send(parameters, { ...this.#fields, idempotencyKey });
      throw error;
    }
    this.#progress.submitted += 1;
    this.#tell();
  }

  async #send(
    parameters: Parameters,
    options: SubmitOptions & CallOptions & { idempotencyKey: string },
  ): Promise<void> {
    const { task_id } = await this.calls.submit(this.taskType, parameters, options);
    this.outstanding.add(task_id);
    this.#submitted.add(task_id);
  }

  /** The id of the next task to yield; undefined when it has not ended. */
  takeNext(ordered: boolean): string | undefined {
    const first = ordered ? this.#submitted.values().next().value : this.#ended.shift();
    if (first === undefined || this.outstanding.has(first)) return undefined;
    this.#submitted.delete(first);
    return first;
  }

  /** Pause, and find out which tasks have ended. */
  async look(): Promise<void> {
    await sleep(this.#pause, this.#call.signal);
    const found: Seen[] = [];
    for (const ids of portions([...this.outstanding], IDS_OF_LIST)) found.push(...(await this.#endedOf(ids)));
    for (const { task_id, status } of found.sort((one, other) => endOf(one) - endOf(other))) {
      this.outstanding.delete(task_id);
      this.#ended.push(task_id);
      this.#progress[status as Ending] += 1;
    }
    const pause = found.length ? this.#pause / 2 : this.#pause * 2;
    this.#pause = Math.min(Math.max(pause, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS);
    if (found.length) this.#tell();
  }

  async #endedOf(ids: string[]): Promise<Seen[]> {
    const page = await this.calls.listPage({ task_id: ids, limit: IDS_OF_LIST }, this.#call);
    const listed = new Map<string, Seen>(page.tasks.map((task) => [task.task_id, task]));
    const found: Seen[] = [];
    for (const taskId of ids) {
      // One that the list has not was deleted, which is an error, or the API is older than that filter.
      const task = listed.get(taskId) ?? (await this.calls.getStatus(taskId, this.#call));
      if (hasEnded(task.status)) found.push(task);
    }
    return found;
  }

  #tell(): void {
    this.#onProgress?.({ ...this.#progress });
  }
}

function endOf({ finished_at }: Seen): number {
  return finished_at ? Date.parse(finished_at) : 0;
}

function iteratorOf(parameters: Many): Iterator<Parameters> | AsyncIterator<Parameters> {
  return Symbol.asyncIterator in parameters ? parameters[Symbol.asyncIterator]() : parameters[Symbol.iterator]();
}

function* portions(items: string[], size: number): Generator<string[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

function lengthOf(parameters: Many): number | undefined {
  return Array.isArray(parameters) ? parameters.length : undefined;
}
