/** The events of one task, over as many connections as it takes; read with fetch, as EventSource hides its errors. */
import { hasEnded, type TaskEvent } from "./documents.js";
import { ApiUnreachable, type AtroposError, StreamUnavailable } from "./errors.js";
import type { Requests } from "./requests.js";

/** Seconds of silence after which a stream is taken for broken; the API sends a comment every 15. */
const SILENCE_SECONDS = 20;
/** Streams in a row that broke without an event, after which another way is taken. */
export const FRUITLESS_STREAMS = 2;

export interface ServerSentEvent {
  data: string;
  id: string | undefined;
}

/**
 * Reads a stream whose lines end with LF or CRLF; an event that is cut off at the end is left out. After "Interpreting
 * an event stream" in the HTML standard, without `event` and `retry`, which we do not use.
 */
export class EventDecoder {
  #rest = "";
  #data: string[] = [];
  #id: string | undefined;
  readonly #decoder = new TextDecoder();

  /** The events that end in this chunk of the stream. */
  *feed(chunk: Uint8Array): Generator<ServerSentEvent> {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) yield* this.#take(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  *#take(line: string): Generator<ServerSentEvent> {
    if (line === "") {
      if (this.#data.length > 0) yield { data: this.#data.join("\n"), id: this.#id };
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    if (name === "id") this.#id = value;
  }
}

export class EventStream {
  /** Connections in a row that brought nothing. */
  fruitless = 0;
  /** There are no more events. */
  ended = false;
  /** Why the last connection ended too early. */
  error: AtroposError | undefined;

  constructor(
    readonly requests: Requests,
    readonly taskId: string,
    /** The id of the last event. */
    public seen?: string,
  ) {}

  /** The events of one connection, after those seen before. */
  async *read(signal?: AbortSignal): AsyncGenerator<TaskEvent> {
    const before = this.seen;
    this.error = undefined;
    try {
      for await (const event of this.#connect(signal)) {
        this.ended = hasEnded(event.type);
        yield event;
      }
    } catch (error) {
      const known = this.requests.broken(error, signal);
      this.error = known;
      this.ended = false;
      if (known instanceof ApiUnreachable) this.fruitless = this.seen === before ? this.fruitless + 1 : 0;
      else if (!known.temporary) this.fruitless = FRUITLESS_STREAMS;
    }
  }

  async *#connect(signal?: AbortSignal): AsyncGenerator<TaskEvent> {
    const silence = new Silence(SILENCE_SECONDS);
    try {
      const response = await this.requests.open(`/tasks/${encodeURIComponent(this.taskId)}/events`, {
        headers: { Accept: "text/event-stream", ...(this.seen ? { "Last-Event-ID": this.seen } : {}) },
        signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
        repeatable: false,
      });
      if (response.status === 204) {
        this.ended = true;
        return;
      }
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        await response.body?.cancel();
        throw new StreamUnavailable(`${response.url} is no event stream`);
      }
      const decoder = new EventDecoder();
      for await (const chunk of chunksOf(response)) {
        silence.over();
        for (const event of decoder.feed(chunk)) {
          this.seen = event.id;
          yield JSON.parse(event.data) as TaskEvent;
        }
      }
    } finally {
      silence.end();
    }
  }
}

/** Aborts its signal when nothing has been heard for so long. */
export class Silence {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly seconds: number) {
    this.over();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something was heard. */
  over(): void {
    clearTimeout(this.#timer);
    const abort = () => this.#controller.abort(new ApiUnreachable(`nothing was heard for ${this.seconds} s`));
    this.#timer = setTimeout(abort, this.seconds * 1000);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** The body of a response, piece by piece; cancelled when its reader stops. Not every browser iterates streams. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Of one that has broken there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}
