/** What the client makes of answers, outages and streams, on a scripted API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventDecoder } from "../src/events.js";
import { ApiUnreachable, Client, ProblemError, StreamUnavailable, TaskFailed, WaitTimeout } from "../src/index.js";
import { broken, collect, event, ID, ok, problem, ScriptedApi, stream, TASK } from "./scripted.js";

const ENDED = { ...TASK, status: "completed", result: { rows: 1 } };
const STATUS = `GET /tasks/${ID}/status`;
const EVENTS = `GET /tasks/${ID}/events`;

test("a submission is sent again with its key, until it is answered", async () => {
  const api = await ScriptedApi.start();
  api.on("POST /tasks", broken, problem(503, "Overloaded"), ok(TASK, 202));
  const task = await new Client(api.url).submit("default", { a: 1 }, { priority: 9 });
  assert.deepEqual(task, TASK);
  assert.equal(new Set(api.seen.map((request) => request.headers["idempotency-key"])).size, 1);
  assert.equal(api.seen.length, 3);
  const body = JSON.parse(String(api.seen[0]?.body));
  assert.deepEqual(body, { task_type: "default", parameters: { a: 1 }, priority: 9 });
});

test("a batch is sent again with its key", async () => {
  const api = await ScriptedApi.start();
  api.on("POST /tasks/batch", broken, ok({ tasks: [TASK] }, 202));
  assert.deepEqual(await new Client(api.url).submitMany([{ task_type: "default" }]), [TASK]);
  assert.equal(new Set(api.seen.map((request) => request.headers["idempotency-key"])).size, 1);
  assert.equal(api.seen.length, 2);
});

test("what might be done twice is sent once", async () => {
  const api = await ScriptedApi.start();
  api.on(`POST /tasks/${ID}/cancel`, problem(503, "Overloaded"));
  const client = new Client(api.url);
  await assert.rejects(client.cancel(ID), ProblemError);
  assert.equal(api.seen.length, 1);
});

test("a refusal has what the problem says", async () => {
  const api = await ScriptedApi.start();
  api.on("POST /tasks", problem(422, "Not valid"));
  await assert.rejects(new Client(api.url).submit("default"), { status: 422, title: "Not valid", detail: "why" });
});

test("an outage is told once, and ends the call when patience does", async () => {
  const told: string[] = [];
  const client = new Client("http://127.0.0.1:9", { patience: 0.3, onOutage: (reason) => told.push(reason) });
  await assert.rejects(client.submit("default"), ApiUnreachable);
  assert.equal(told.length, 1);
});

test("a wait goes on after the last event, and gives the task", async () => {
  const api = await ScriptedApi.start();
  api.on(STATUS, ok(TASK), ok(TASK), ok(ENDED));
  api.on(EVENTS, stream(event(7, "started")), stream(event(9, "completed")));
  api.on(`GET /tasks/${ID}`, ok(ENDED));
  const seen: number[] = [];
  const task = await new Client(api.url).wait(ID, { onEvent: ({ id }) => seen.push(id) });
  assert.deepEqual([task, seen], [ENDED, [7, 9]]);
  const opened = api.seen.filter(({ path }) => path.endsWith("/events"));
  assert.deepEqual(
    opened.map(({ headers }) => headers["last-event-id"]),
    [undefined, "7"],
  );
});

test("without streams the status is asked for", async () => {
  const api = await ScriptedApi.start();
  api.on(STATUS, ok(TASK), ok(TASK), ok(ENDED));
  api.on(EVENTS, ok({}));
  api.on(`GET /tasks/${ID}`, ok({ ...TASK, status: "failed", error: { type: "E", message: "m", attempt: 1 } }));
  const client = new Client(api.url);
  await assert.rejects(client.wait(ID), TaskFailed);
  assert.equal((await client.wait(ID, { check: false })).status, "failed");
  await assert.rejects(collect(client.stream(ID)), StreamUnavailable);
});

test("a wait ends in time, though the stream is silent", async () => {
  const api = await ScriptedApi.start();
  api.on(STATUS, ok(TASK));
  api.on(EVENTS, (response) => void response.writeHead(200, { "Content-Type": "text/event-stream" }).write(": hi\n\n"));
  await assert.rejects(new Client(api.url).wait(ID, { timeout: 0.2 }), WaitTimeout);
  const reason = new Error("mine");
  await assert.rejects(new Client(api.url).wait(ID, { signal: AbortSignal.abort(reason) }), reason);
});

test("a stream goes on over broken connections until the end", async () => {
  const api = await ScriptedApi.start();
  const events = ["submitted", "failed", "retried", "completed"].map((type, number) => event(number + 1, type));
  api.on(EVENTS, stream(...events.slice(0, 1)), broken, stream(...events.slice(1, 3)), stream(...events.slice(3)));
  assert.deepEqual(await collect(new Client(api.url).stream(ID)), events);
});

test("events are read as the standard has it", () => {
  const decoder = new EventDecoder();
  const text = ": hi\nid: 1\ndata: a\u2028b\ndata:c\n\n\n: x\r\ndata\r\n\r\nretry: 5\nid: 2\n\ndata: d\n\ndata: cut";
  const found = [...new TextEncoder().encode(text)].flatMap((byte) => [...decoder.feed(Uint8Array.of(byte))]);
  const expected = [
    { data: "a\u2028b\nc", id: "1" },
    { data: "", id: "1" },
    { data: "d", id: "2" },
  ];
  assert.deepEqual(found, expected);
});
