/** One stream of all events for the whole page: reconnects, batches, and says how live the page is. */
import type { TaskEvent } from "@/api/types";

export type FeedState = "connecting" | "live" | "reconnecting" | "polling";
export type EventListener = (events: readonly TaskEvent[]) => void;

/** Events are handed on at most this often, in milliseconds. */
export const BATCH_MILLISECONDS = 100;
/** After this long without a stream the page polls. */
export const PATIENCE_MILLISECONDS = 5_000;
/** A stream that was refused is asked for again after this long; of a broken one the browser takes care. */
export const RETRY_MILLISECONDS = 1_000;

interface FeedOptions {
  open: (lastEventId: string | null) => EventSource;
  /** Events may have been missed. */
  onGap: () => void;
}

export class EventFeed {
  state: FeedState = "connecting";
  private source: EventSource | null = null;
  private lastEventId: string | null = null;
  private waiting: TaskEvent[] = [];
  private flushTimer: ReturnType<typeof setTimeout> | null = null;
  private patienceTimer: ReturnType<typeof setTimeout> | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private lastFlush = 0;
  private mayHaveMissed = false;
  private readonly eventListeners = new Set<EventListener>();
  private readonly stateListeners = new Set<() => void>();

  constructor(private readonly options: FeedOptions) {}

  start(): void {
    if (this.source) return;
    const source = this.options.open(this.lastEventId);
    this.source = source;
    // Such a stream begins when it opens: answers that were asked for before may be older.
    this.mayHaveMissed ||= this.lastEventId === null;
    source.onopen = () => this.opened();
    source.onmessage = (message) => this.received(message);
    source.onerror = () => this.lost(source);
    this.beImpatient();
  }

  /** Close the stream; a later start does not ask for what happened meanwhile, so it counts as a gap. */
  stop(): void {
    this.close();
    this.waiting = [];
    this.lastEventId = null;
  }

  subscribe(listener: EventListener): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  subscribeState = (listener: () => void): (() => void) => {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  };

  private opened(): void {
    if (this.patienceTimer) clearTimeout(this.patienceTimer);
    this.patienceTimer = null;
    this.become("live");
    if (this.mayHaveMissed) this.options.onGap();
    this.mayHaveMissed = false;
  }

  private received(message: MessageEvent<string>): void {
    this.lastEventId = message.lastEventId;
    this.waiting.push(JSON.parse(message.data) as TaskEvent);
    const wait = Math.max(0, this.lastFlush + BATCH_MILLISECONDS - Date.now());
    this.flushTimer ??= setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    const events = this.waiting;
    this.waiting = [];
    this.flushTimer = null;
    this.lastFlush = Date.now();
    for (const listener of this.eventListeners) listener(events);
  }

  private lost(source: EventSource): void {
    if (this.state === "live") this.become("reconnecting");
    this.beImpatient();
    if (source.readyState !== source.CLOSED) return;
    this.source = null;
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = null;
      this.start();
    }, RETRY_MILLISECONDS);
  }

  private beImpatient(): void {
    if (this.state === "polling") return;
    this.patienceTimer ??= setTimeout(() => this.become("polling"), PATIENCE_MILLISECONDS);
  }

  private close(): void {
    this.source?.close();
    this.source = null;
    for (const timer of [this.patienceTimer, this.retryTimer, this.flushTimer]) clearTimeout(timer ?? undefined);
    this.patienceTimer = this.retryTimer = this.flushTimer = null;
  }

  private become(state: FeedState): void {
    if (this.state === state) return;
    this.state = state;
    for (const listener of this.stateListeners) listener();
  }
}
