/** Submits a task and follows it, then runs one task for each of many parameters. Needs a running service. */
import { Client, TaskFailed } from "@atropos/client";

const client = new Client(process.env.ATROPOS_API_URL);

const { task_id } = await client.submit("data_processing", { rows: 5000, processing_time: 0.5 }, { priority: 9 });
for await (const event of client.stream(task_id)) console.log(event.type, JSON.stringify(event.data));
const task = await client.wait(task_id, { timeout: 60 });
console.log("result", JSON.stringify(task.result));

const parameters = [1000, 2000, 3000, 4000].map((rows) => ({ rows }));
for await (const { parameters: of, status } of client.map("data_processing", parameters, { concurrency: 2 })) {
  console.log(of.rows, status);
}

const failing = await client.submit("default", { fail_permanently: true });
try {
  await client.wait(failing.task_id);
} catch (error) {
  if (!(error instanceof TaskFailed)) throw error;
  console.log("failed", error.error?.type);
}
