/** An HTTP server that answers as a test says. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

export const ID = "01a20ce1-db0a-702d-b458-0172c4d1e49d";
export const NOW = "2026-11-24T09:00:00Z";
export const TASK = {
  task_id: ID,
  task_type: "default",
  status: "processing",
  parameters: {},
  result: null,
  error: null,
};

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

type Answer = (response: ServerResponse) => void;

/** Gives each request the next of the answers to its method and path; the last one stays. */
export class ScriptedApi {
  readonly seen: Seen[] = [];
  readonly #answers = new Map<string, Answer[]>();
  readonly #server = createServer((request, response) => this.#handle(request, response));
  url = "";

  static async start(): Promise<ScriptedApi> {
    const api = new ScriptedApi();
    await new Promise<void>((resolve) => api.#server.listen(0, "127.0.0.1", resolve));
    api.url = `http://127.0.0.1:${(api.#server.address() as AddressInfo).port}`;
    after(() => {
      api.#server.closeAllConnections();
      api.#server.close();
    });
    return api;
  }

  on(call: string, ...answers: Answer[]): void {
    this.#answers.set(call, answers);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { pathname } = new URL(request.url ?? "", "http://x");
    const { method = "", headers } = request;
    this.seen.push({ method, path: request.url ?? "", headers, body: Buffer.concat(chunks) });
    const answers = this.#answers.get(`${method} ${pathname}`) ?? [];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer) answer(response);
    else response.writeHead(500).end("<html>");
  }
}

export const ok =
  (document: unknown, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(document));

export const problem =
  (status: number, title: string): Answer =>
  (response) =>
    void response
      .writeHead(status, { "Content-Type": "application/problem+json" })
      .end(JSON.stringify({ type: "urn:atropos:problem:x", title, status, detail: "why" }));

/** The connection breaks without an answer. */
export const broken: Answer = (response) => void response.destroy();

/** A body of so many bytes, which breaks off after what is given of it. */
export const bytes =
  (body: Uint8Array, { status = 200, length = body.length, headers = {} } = {}): Answer =>
  (response) => {
    response.writeHead(status, { "Content-Length": length, ...headers });
    if (length === body.length) response.end(body);
    else response.write(body, () => setTimeout(() => response.destroy(), 50));
  };

export function event(id: number, type: string): Record<string, unknown> {
  return { id, task_id: ID, type, attempt: 1, at: NOW, data: {} };
}

export const stream =
  (...events: Record<string, unknown>[]): Answer =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    response.end(events.map((one) => `id: ${one.id}\ndata: ${JSON.stringify(one)}\n\n`).join(""));
  };

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
