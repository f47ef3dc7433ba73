/** One call of the API: the request, its answer or error, and calls that are made again. The base of all calls. */
import createClient, { type Client as Api } from "openapi-fetch";
import { ApiUnreachable, AtroposError, isTemporary, ProblemError } from "./errors.js";
import { Outage, PATIENCE_SECONDS, type Patience } from "./patience.js";
import type { paths } from "./schema.js";

/** Seconds that one answer may take; the API itself gives up on the database after 10. */
const REQUEST_SECONDS = 30;

export interface ClientOptions {
  /** Seconds for which calls that can do no harm twice are made again while the API is away; 0 means not at all. */
  patience?: number;
  /** Is told when an outage begins. */
  onOutage?: (reason: string) => void;
  /** Go with every request, for a gateway that wants a token. */
  headers?: Record<string, string>;
  /** Replaces the network. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Breaks the call off. */
  signal?: AbortSignal;
}

interface Answer<Data> {
  data?: Data | undefined;
  error?: unknown;
  response: Response;
}

interface RawOptions extends CallOptions {
  method?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** May be made again when it is not known what became of it. */
  repeatable?: boolean;
  /** Seconds in which the answer must begin; none means no limit. */
  seconds?: number;
}

/** Sends requests to one API, with one patience. Every call throws ApiUnreachable or ProblemError. */
export class Requests {
  readonly apiUrl: string;
  protected readonly api: Api<paths>;
  readonly #options: ClientOptions;
  readonly #patience: Patience;

  /** Takes the API's address, which may end with a path. */
  constructor(apiUrl = "http://127.0.0.1:8000", options: ClientOptions = {}) {
    this.apiUrl = apiUrl.replace(/\/+$/, "");
    this.#options = options;
    this.#patience = { patience: options.patience ?? PATIENCE_SECONDS, onOutage: options.onOutage };
    const headers = options.headers ?? {};
    this.api = createClient<paths>({ baseUrl: this.apiUrl, headers, fetch: (request) => this.#fetch(request) });
  }

  /** The start of an outage, to be over or not. */
  outage(): Outage {
    return new Outage(this.#patience);
  }

  /** The data of a typed call, made again in an outage if that can do no harm. */
  protected async answer<Data>(
    call: () => Promise<Answer<Data>>,
    { signal, repeatable = false }: CallOptions & { repeatable?: boolean } = {},
  ): Promise<NonNullable<Data>> {
    return this.#patiently(repeatable, signal, async () => {
      const { data, error, response } = await this.#reporting(call, signal);
      if (!response.ok) throw this.#refusal(response, error);
      return data as NonNullable<Data>;
    });
  }

  /** A successful response, whose body is not read yet; `path` begins with a slash. */
  async open(path: string, options: RawOptions = {}): Promise<Response> {
    const { method = "GET", query, headers, body, repeatable = method === "GET", seconds, signal } = options;
    const url = `${this.apiUrl}${path}${query ? `?${new URLSearchParams(query)}` : ""}`;
    const request: RequestInit & { duplex?: "half" } = { method, headers: { ...this.#options.headers, ...headers } };
    if (signal) request.signal = signal;
    if (body) Object.assign(request, { body, duplex: "half" });
    return this.#patiently(repeatable, signal, async () => {
      const response = await this.#reporting(() => this.#fetch(new Request(url, request), seconds ?? 0), signal);
      if (!response.ok) throw this.#refusal(response, await response.json().catch(() => undefined));
      return response;
    });
  }

  /** What a body that breaks is called. */
  broken(cause: unknown, signal?: AbortSignal): AtroposError {
    if (cause instanceof AtroposError) return cause;
    signal?.throwIfAborted();
    return new ApiUnreachable(`${this.apiUrl} does not answer: ${reasonOf(cause)}`, { cause });
  }

  async #patiently<Data>(repeatable: boolean, signal: AbortSignal | undefined, call: () => Promise<Data>) {
    const outage = this.outage();
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof AtroposError) || !(repeatable || error.unsent)) throw error;
        await outage.pauseAfter(error, signal);
      }
    }
  }

  async #reporting<Data>(call: () => Promise<Data>, signal?: AbortSignal): Promise<Data> {
    try {
      return await call();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SyntaxError) {
        throw new ApiUnreachable(`${this.apiUrl} answered, not as the Atropos API does`, {
          cause: error,
          temporary: false,
        });
      }
      throw this.broken(error, signal);
    }
  }

  async #fetch(request: Request, seconds = REQUEST_SECONDS): Promise<Response> {
    const { fetch: send = fetch } = this.#options;
    if (!seconds) return send(request);
    return send(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(seconds * 1000)]) });
  }

  #refusal(response: Response, document: unknown): AtroposError {
    if (typeof document === "object" && document !== null) {
      return new ProblemError(response.status, document, response.headers.get("Retry-After"));
    }
    const message = `${response.url} answered ${response.status} ${response.statusText}, not as the Atropos API does`;
    return new ApiUnreachable(message.trim(), { temporary: isTemporary(response.status) });
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error && cause.cause.message ? cause.cause.message : cause.message;
}
