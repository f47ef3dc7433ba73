/** When a call is made again, and pauses that can be broken off. */
import type { AtroposError } from "./errors.js";

/** Seconds before a call is made again; doubled each time, up to the second. */
const FIRST_PAUSE_SECONDS = 0.1;
const LONGEST_PAUSE_SECONDS = 2;
/** Seconds for which an API that is away is asked again. */
export const PATIENCE_SECONDS = 30;

/** How a client takes outages of the API. */
export interface Patience {
  /** Seconds for which one is waited out; 0 means not at all. */
  patience: number;
  /** Called with a sentence when one begins. */
  onOutage: ((reason: string) => void) | undefined;
}

/** One outage, from the first call that failed to the next success. */
export class Outage {
  #ends: number | undefined;
  #pause = FIRST_PAUSE_SECONDS;

  constructor(readonly patience: Patience) {}

  /** The API has answered. */
  over(): void {
    this.#ends = undefined;
    this.#pause = FIRST_PAUSE_SECONDS;
  }

  /**
   * Pause before the next call. Throws the error when that would not help, or patience is at an end. Half of the pause
   * is left to chance, so that clients of one outage do not return at the same moment.
   */
  async pauseAfter(error: AtroposError, signal?: AbortSignal): Promise<void> {
    const now = performance.now() / 1000;
    const began = this.#ends === undefined;
    this.#ends ??= now + this.patience.patience;
    const pause = error.retryAfter ?? this.#pause * (0.5 + Math.random() / 2);
    if (!error.temporary || now + pause > this.#ends) throw error;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_SECONDS);
    if (began) this.patience.onOutage?.(error.message);
    await sleep(pause, signal);
  }
}

/** Pause for so many seconds. Throws the signal's reason when it is aborted. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
