/** The client on the real service, whose address is in ATROPOS_API_URL; without one the tests are skipped. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Client, type MapProgress, type Task, TaskCancelled, TaskFailed, WaitTimeout } from "../src/index.js";
import { downloadFile, uploadFile } from "../src/node.js";
import { collect } from "./scripted.js";

const url = process.env.ATROPOS_API_URL;
const live = { skip: url ? false : "ATROPOS_API_URL is not set", timeout: 60_000 };
const client = new Client(url);
const FAILING = { fail_permanently: true };

/** The states of the tasks with a label, once none of them goes on. */
async function left(labels: Record<string, string>): Promise<string[]> {
  const tasks = await collect(client.list({ labels }));
  for (const { task_id } of tasks) await client.wait(task_id, { check: false, timeout: 30 });
  return (await collect(client.list({ labels }))).map(({ status }) => status).sort();
}

test("a wait gives the task with its result", live, async () => {
  const { task_id } = await client.submit("data_processing", { rows: 7, processing_time: 0.2 });
  const events: string[] = [];
  const task = await client.wait(task_id, { timeout: 30, onEvent: ({ type }) => events.push(type) });
  assert.deepEqual(task.result, (await client.result(task_id)).result);
  assert.deepEqual([events[0], events.at(-1)], ["submitted", "completed"]);
});

test("a wait throws what the task failed with, and when its time is over", live, async () => {
  const failing = await client.submit("default", FAILING);
  await assert.rejects(client.wait(failing.task_id), (error) => {
    return error instanceof TaskFailed && error.error?.reason === "permanent";
  });
  const later = await client.submit("default", {}, { delay_seconds: 3600 });
  await assert.rejects(client.wait(later.task_id, { timeout: 0.3 }), WaitTimeout);
  assert.equal((await client.cancel(later.task_id)).status, "cancelled");
  await assert.rejects(client.wait(later.task_id), TaskCancelled);
});

test("a chain runs in its order and is one graph", live, async () => {
  const first = await client.submit("default", { processing_time: 0.2 });
  const last = await client.submit("default", {}, { depends_on: [first.task_id] });
  assert.deepEqual((await client.wait(last.task_id, { timeout: 30 })).depends_on, [first.task_id]);
  const { nodes, edges } = await client.graph(first.task_id);
  assert.deepEqual(nodes.map(({ task_id }) => task_id).sort(), [first.task_id, last.task_id]);
  assert.deepEqual(edges, [{ task_id: last.task_id, depends_on: first.task_id }]);
  const batch = [{ task_type: "default" }, { task_type: "default", depends_on: [{ index: 0 }] }];
  const stored = await client.submitMany(batch);
  assert.equal((await client.wait(stored[1]?.task_id ?? "", { timeout: 30 })).status, "completed");
});

test("a stream has every event once, and logs every line", live, async () => {
  const { task_id } = await client.submit("data_processing", { processing_time: 0.3 });
  const kinds = (await collect(client.stream(task_id))).map(({ type }) => type);
  assert.deepEqual(
    kinds.filter((kind) => kind !== "progressed"),
    ["submitted", "started", "completed"],
  );
  const followed = await collect(client.logs(task_id, { follow: true }));
  assert.deepEqual(followed, await collect(client.logs(task_id)));
  assert.ok(followed.length > 0);
});

test("a batch, a list and a bulk change", live, async () => {
  const labels = { test: randomUUID() };
  const submission = { task_type: "default", labels, delay_seconds: 3600 };
  const ids = (await client.submitMany([submission, submission])).map(({ task_id }) => task_id);
  assert.deepEqual((await collect(client.list({ labels }))).map(({ task_id }) => task_id).reverse(), ids);
  assert.equal((await client.cancelMatching({ labels }, true)).matched, 2);
  assert.equal((await client.cancelMatching({ labels })).changed, 2);
  assert.equal((await client.retry(ids[0] ?? "")).status, "pending");
  await client.cancelMatching({ labels });
});

test("a map yields in order, and tells how far it is", live, async () => {
  const told: MapProgress[] = [];
  const parameters = [1, 2, 3, 4, 5].map((rows) => ({ rows }));
  const options = { concurrency: 2, onProgress: (progress: MapProgress) => told.push(progress) };
  const tasks = await collect(client.map("data_processing", parameters, options));
  assert.deepEqual(
    tasks.map((task: Task) => task.parameters.rows),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(told.at(-1), { total: 5, submitted: 5, completed: 5, failed: 0, cancelled: 0 });
  assert.ok(told.every(({ submitted, completed }) => submitted - completed <= 2));
});

test("a map that is left cancels what has not ended", live, async () => {
  const labels = { test: randomUUID() };
  const parameters = [0, 3600, 3600].map((processing_time) => ({ processing_time }));
  for await (const _task of client.map("default", parameters, { labels, ordered: false })) break;
  assert.deepEqual(await left(labels), ["cancelled", "cancelled", "completed"]);
});

test("a failed task ends a map and cancels the others", live, async () => {
  const labels = { test: randomUUID() };
  const parameters = [FAILING, { processing_time: 3600 }];
  await assert.rejects(collect(client.map("default", parameters, { labels, ordered: false })), TaskFailed);
  assert.deepEqual(await left(labels), ["cancelled", "failed"]);
});

test("an aborted map cancels its tasks", live, async () => {
  const labels = { test: randomUUID() };
  const signal = AbortSignal.timeout(700);
  await assert.rejects(collect(client.map("default", [{ processing_time: 3600 }], { labels, signal })), {
    name: "TimeoutError",
  });
  assert.deepEqual(await left(labels), ["cancelled"]);
});

test("what is downloaded is what was uploaded", live, async () => {
  const folder = await mkdtemp(join(tmpdir(), "atropos-"));
  const content = Buffer.alloc(5_000_000, "sales");
  await writeFile(join(folder, "sales.csv"), content);
  const file = await uploadFile(client, join(folder, "sales.csv"));
  assert.deepEqual([file.name, file.size_bytes], ["sales.csv", content.length]);
  const target = await downloadFile(client, file.file_id, join(folder, "copy.csv"));
  assert.ok(content.equals(await readFile(target)));
  const blob = await client.download(file.file_id);
  assert.ok(content.equals(Buffer.from(await blob.arrayBuffer())));
  await client.deleteFile(file.file_id);
  await assert.rejects(client.getFile(file.file_id), { status: 404 });
});
