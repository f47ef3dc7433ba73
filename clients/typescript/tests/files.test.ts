/** Upload and download on a scripted API: broken connections, damaged content, names that lead elsewhere. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ChecksumMismatch, Client, ProblemError } from "../src/index.js";
import { downloadFile, uploadFile } from "../src/node.js";
import { bytes, ID, NOW, ok, problem, ScriptedApi } from "./scripted.js";

const CONTENT = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251);
const FILE = {
  file_id: ID,
  name: "sales.csv",
  media_type: "text/csv",
  size_bytes: CONTENT.length,
  sha256: createHash("sha256").update(CONTENT).digest("hex"),
  created_at: NOW,
  task_id: null,
};
const GET = `GET /files/${ID}`;

async function start(file = FILE): Promise<{ api: ScriptedApi; client: Client; folder: string }> {
  const api = await ScriptedApi.start();
  api.on(`GET /files/${ID}/info`, ok(file));
  return { api, client: new Client(api.url), folder: await mkdtemp(join(tmpdir(), "atropos-")) };
}

function part(from: number, to = CONTENT.length) {
  const headers = from ? { "Content-Range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` } : {};
  const status = from ? 206 : 200;
  return bytes(CONTENT.subarray(from, to), { status, length: CONTENT.length - from, headers });
}

test("a broken download goes on where it broke", async () => {
  const { api, client, folder } = await start();
  api.on(GET, part(0, 1000), part(1000, 9000), part(9000));
  const target = await downloadFile(client, ID, folder);
  assert.deepEqual(new Uint8Array(await readFile(target)), CONTENT);
  assert.deepEqual(await readdir(folder), ["sales.csv"]);
  const asked = api.seen.filter(({ path }) => path === `/files/${ID}`).map(({ headers }) => headers.range);
  assert.deepEqual(asked, [undefined, "bytes=1000-", "bytes=9000-"]);
});

test("a server without ranges sends what is known again", async () => {
  const { api, client } = await start();
  api.on(GET, part(0, 5000), part(0));
  const blob = await client.download(ID);
  assert.deepEqual([new Uint8Array(await blob.arrayBuffer()), blob.type], [CONTENT, "text/csv"]);
});

test("damaged content is never there", async () => {
  const { api, client, folder } = await start();
  api.on(GET, bytes(CONTENT.map((byte) => byte ^ 1)));
  await writeFile(join(folder, "mine"), "before");
  await assert.rejects(downloadFile(client, ID, join(folder, "mine")), ChecksumMismatch);
  await assert.rejects(client.download(ID), ChecksumMismatch);
  assert.deepEqual([await readFile(join(folder, "mine"), "utf8"), await readdir(folder)], ["before", ["mine"]]);
});

test("a download that ends with an error leaves nothing", async () => {
  const { api, client, folder } = await start();
  api.on(GET, part(0, 5000), problem(404, "Gone"));
  await assert.rejects(downloadFile(client, ID, folder), ProblemError);
  assert.deepEqual(await readdir(folder), []);
});

test("names do not lead out of the folder", async () => {
  for (const [name, written] of Object.entries({
    "../../etc/passwd": "passwd",
    "a\\..\\b": "b",
    "..": ID,
    "a\x1bb": "ab",
  })) {
    const { api, client, folder } = await start({ ...FILE, name });
    api.on(GET, part(0));
    assert.equal(await downloadFile(client, ID, folder), join(folder, written));
  }
});

test("an upload is read as it is sent, and compared with what was stored", async () => {
  const { api, client, folder } = await start();
  const path = join(folder, "sales.csv");
  await writeFile(path, CONTENT);
  api.on("POST /files", ok(FILE, 201), ok({ ...FILE, sha256: "0" }, 201));
  api.on(`DELETE /files/${ID}`, (response) => void response.writeHead(204).end());
  assert.deepEqual(await uploadFile(client, path), FILE);
  await assert.rejects(uploadFile(client, path), ChecksumMismatch);
  const [first] = api.seen;
  assert.deepEqual([first?.path, first?.headers["content-type"]], ["/files?name=sales.csv", "text/csv"]);
  assert.deepEqual(new Uint8Array(first?.body ?? []), CONTENT);
  assert.equal(api.seen.at(-1)?.method, "DELETE");
});

test("a blob is uploaded with its own type", async () => {
  const { api, client } = await start();
  api.on("POST /files", ok(FILE, 201));
  await client.upload(new Blob([CONTENT], { type: "text/csv" }), { name: "a b.csv" });
  assert.deepEqual([api.seen[0]?.path, api.seen[0]?.headers["content-type"]], ["/files?name=a+b.csv", "text/csv"]);
});
