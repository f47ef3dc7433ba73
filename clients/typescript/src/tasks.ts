/** Calls about tasks: submit, look, cancel, retry. */
import type {
  BulkResult,
  Filter,
  Health,
  Parameters,
  State,
  StoredFile,
  Submission,
  SubmitOptions,
  Task,
  TaskGraph,
  TaskPage,
  TaskResult,
  TaskStatus,
  TaskSummary,
  TaskType,
} from "./documents.js";
import { ProblemError } from "./errors.js";
import { type CallOptions, Requests } from "./requests.js";
import type { paths } from "./schema.js";

/** Tasks on a page that is only one of many: as many as the API gives. */
const PAGE = 1000;

type SubmitBody = paths["/tasks"]["post"]["requestBody"]["content"]["application/json"];
type BatchBody = paths["/tasks/batch"]["post"]["requestBody"]["content"]["application/json"];
type ListQuery = NonNullable<paths["/tasks"]["get"]["parameters"]["query"]>;

/** Which tasks: values of one condition are alternatives, except labels. */
export interface ListOptions extends CallOptions {
  status?: State[];
  task_type?: string[];
  labels?: Record<string, string>;
  created_from?: Date;
  created_before?: Date;
}

/** The calls about tasks and the service. */
export class TaskCalls extends Requests {
  /**
   * Submit a task. It is stored once this returns. The idempotency key, ours unless one is given, makes it safe to send
   * the request again in an outage.
   */
  async submit(
    task_type: string,
    parameters: Parameters = {},
    options: SubmitOptions & CallOptions & { idempotencyKey?: string } = {},
  ): Promise<TaskSummary> {
    const { signal, idempotencyKey = crypto.randomUUID(), ...fields } = options;
    // The document knows the types that are installed where it was made; which there are only the API knows.
    const body = { task_type, parameters, ...fields } as unknown as SubmitBody;
    const header = { "idempotency-key": idempotencyKey };
    return this.answer(() => this.api.POST("/tasks", { body, params: { header }, signal }), {
      repeatable: true,
      signal,
    });
  }

  /**
   * Submit up to 10,000 tasks at once, all or none; returns them in the same order. The idempotency key, ours unless one
   * is given, makes it safe to send the request again in an outage.
   */
  async submitMany(
    submissions: Submission[],
    { signal, idempotencyKey = crypto.randomUUID() }: CallOptions & { idempotencyKey?: string } = {},
  ): Promise<TaskSummary[]> {
    const body = { tasks: submissions } as unknown as BatchBody;
    const header = { "idempotency-key": idempotencyKey };
    const answer = await this.answer(() => this.api.POST("/tasks/batch", { body, params: { header }, signal }), {
      repeatable: true,
      signal,
    });
    return answer.tasks;
  }

  /** The task, whole. */
  async getTask(taskId: string, { signal }: CallOptions = {}): Promise<Task> {
    const options = { params: { path: { task_id: taskId } }, signal };
    return this.answer(() => this.api.GET("/tasks/{task_id}", options), { signal, repeatable: true });
  }

  /** Where the task stands. */
  async getStatus(taskId: string, { signal }: CallOptions = {}): Promise<TaskStatus> {
    const options = { params: { path: { task_id: taskId } }, signal };
    return this.answer(() => this.api.GET("/tasks/{task_id}/status", options), { signal, repeatable: true });
  }

  /** Result or error of a task that has ended; a ProblemError of status 409 before. */
  async result(taskId: string, { signal }: CallOptions = {}): Promise<TaskResult> {
    const options = { params: { path: { task_id: taskId } }, signal };
    return this.answer(() => this.api.GET("/tasks/{task_id}/result", options), { signal, repeatable: true });
  }

  /** All tasks that it depends on or that depend on it, directly or over others; at most 500. */
  async graph(taskId: string, { signal }: CallOptions = {}): Promise<TaskGraph> {
    const options = { params: { path: { task_id: taskId } }, signal };
    return this.answer(() => this.api.GET("/tasks/{task_id}/graph", options), { signal, repeatable: true });
  }

  /** The files that a completed task has made; none of another. */
  async artifacts(taskId: string, options: CallOptions = {}): Promise<StoredFile[]> {
    return (await this.getTask(taskId, options)).artifacts ?? [];
  }

  /** One page of tasks, newest first. */
  async listPage(query: ListQuery = {}, { signal }: CallOptions = {}): Promise<TaskPage> {
    return this.answer(() => this.api.GET("/tasks", { params: { query }, signal }), { signal, repeatable: true });
  }

  /** All tasks that match, newest first, page after page. */
  async *list({
    signal,
    labels,
    created_from,
    created_before,
    ...chosen
  }: ListOptions = {}): AsyncGenerator<TaskSummary> {
    const query: ListQuery = { limit: PAGE, ...chosen };
    if (labels) query.label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    if (created_from) query.created_from = created_from.toISOString();
    if (created_before) query.created_before = created_before.toISOString();
    for (;;) {
      const page = await this.listPage(query, { signal });
      yield* page.tasks;
      if (page.next_cursor === null) return;
      query.cursor = page.next_cursor;
    }
  }

  /** Cancel a task that waits, or ask one that runs to stop; a ProblemError of status 409 when it has ended. */
  async cancel(taskId: string, { signal }: CallOptions = {}): Promise<TaskSummary> {
    const options = { params: { path: { task_id: taskId } }, signal };
    return this.answer(() => this.api.POST("/tasks/{task_id}/cancel", options), { signal });
  }

  /** Let a failed or cancelled task run again; a ProblemError of status 409 for another. */
  async retry(taskId: string, { signal }: CallOptions = {}): Promise<TaskSummary> {
    const options = { params: { path: { task_id: taskId } }, signal };
    return this.answer(() => this.api.POST("/tasks/{task_id}/retry", options), { signal });
  }

  /** Cancel up to 10,000 tasks that match and have not ended, or only count them. */
  async cancelMatching(filter: Partial<Filter>, dryRun = false): Promise<BulkResult> {
    const body = { filter: filter as Filter, dry_run: dryRun };
    return this.answer(() => this.api.POST("/tasks/cancel", { body }), { repeatable: dryRun });
  }

  /** Let up to 10,000 failed and cancelled tasks that match run again, or only count them. */
  async retryMatching(filter: Partial<Filter>, dryRun = false): Promise<BulkResult> {
    const body = { filter: filter as Filter, dry_run: dryRun };
    return this.answer(() => this.api.POST("/tasks/retry", { body }), { repeatable: dryRun });
  }

  /** Cancel those of these tasks that have not ended; to ask twice does no harm, as nobody looks at the counts. */
  async cancelAll(taskIds: string[]): Promise<void> {
    const body = { filter: { task_ids: taskIds } as Filter, dry_run: false };
    await this.answer(() => this.api.POST("/tasks/cancel", { body }), { repeatable: true });
  }

  /** What can be submitted. */
  async taskTypes({ signal }: CallOptions = {}): Promise<TaskType[]> {
    const found = await this.answer(() => this.api.GET("/task-types", { signal }), { signal, repeatable: true });
    return found.task_types ?? [];
  }

  /** How the service is; an answer too when it cannot take tasks. */
  async health({ signal }: CallOptions = {}): Promise<Health> {
    try {
      return await this.answer(() => this.api.GET("/health", { signal }), { signal, repeatable: true });
    } catch (error) {
      if (error instanceof ProblemError && "database" in error.problem) return error.problem as unknown as Health;
      throw error;
    }
  }
}
