/** Calls of the API on the page's own origin, and its problems as errors. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { Problem } from "./types";

export const API_PATH = "/api";

export const client = createClient<paths>({ baseUrl: API_PATH });

/** What the API refused, or that it did not answer (`status` 0). */
export class ApiProblem extends Error {
  /** An URN that stays the same; empty where the API did not answer. */
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly status: number;
  readonly errors: NonNullable<Problem["errors"]>;

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.title ?? `HTTP status ${status}`);
    this.status = status;
    this.type = problem.type ?? "";
    this.title = this.message;
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
  }

  /** Nobody can be served now; trying again later may help. */
  get isOutage(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

const AWAY: Partial<Problem> = {
  title: "The API does not answer",
  detail: "The page tries again by itself. Check that the service runs: `atropos doctor` examines every part.",
};

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of a call. Throws ApiProblem for everything else. */
export async function answerOf<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const answer = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiProblem(0, AWAY);
  });
  if (answer.response.ok) return answer.data as Data;
  throw problemFrom(answer.response.status, answer.error);
}

/** A proxy's answer is no problem document, and says only that the API is away. */
export function problemFrom(status: number, body: unknown): ApiProblem {
  const isProblem = typeof body === "object" && body !== null && "title" in body;
  if (isProblem) return new ApiProblem(status, body as Partial<Problem>);
  return new ApiProblem(status, status >= 500 ? AWAY : {});
}

/** Any error as a problem, for those who show it. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem(0, { title: "Something went wrong in the page", detail: String(error) });
}
