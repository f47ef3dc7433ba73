import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TaskEvent } from "@/api/types";
import { BATCH_MILLISECONDS, EventFeed, PATIENCE_MILLISECONDS, RETRY_MILLISECONDS } from "@/live/event-feed";
import { event } from "./samples";

class FakeSource {
  readonly CLOSED = 2;
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((message: { data: string; lastEventId: string }) => void) | null = null;
  close = () => {
    this.readyState = 2;
  };

  send(sent: TaskEvent): void {
    this.onmessage?.({ data: JSON.stringify(sent), lastEventId: String(sent.id) });
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.();
  }
}

function startFeed() {
  const sources: FakeSource[] = [];
  const asked: (string | null)[] = [];
  const onGap = vi.fn();
  const feed = new EventFeed({
    open: (lastEventId) => {
      asked.push(lastEventId);
      sources.push(new FakeSource());
      return sources.at(-1) as unknown as EventSource;
    },
    onGap,
  });
  feed.start();
  return { feed, sources, asked, onGap, source: sources[0] as FakeSource };
}

describe("EventFeed", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("hands events that arrive together on in one batch", () => {
    const { feed, source } = startFeed();
    const batches: number[] = [];
    feed.subscribe((events) => batches.push(events.length));
    source.open();
    source.send(event("started", 0));
    vi.advanceTimersByTime(1);
    for (let count = 0; count < 50; count += 1) source.send(event("progressed", 1));
    vi.advanceTimersByTime(BATCH_MILLISECONDS);
    expect(batches).toEqual([1, 50]);
  });

  it("counts the time before it first opened as a gap", () => {
    const { source, onGap } = startFeed();
    source.open();
    expect(onGap).toHaveBeenCalledOnce();
  });

  it("is live without a gap when the browser reconnects by itself", () => {
    const { feed, source, onGap } = startFeed();
    source.open();
    onGap.mockClear();
    source.fail(0);
    expect(feed.state).toBe("reconnecting");
    source.open();
    expect(feed.state).toBe("live");
    expect(onGap).not.toHaveBeenCalled();
  });

  it("asks again for a stream that was refused, from the last event on", () => {
    const { source, asked } = startFeed();
    source.open();
    const last = event("started", 0);
    source.send(last);
    source.fail(2);
    vi.advanceTimersByTime(RETRY_MILLISECONDS);
    expect(asked).toEqual([null, String(last.id)]);
  });

  it("polls when no stream can be had for long", () => {
    const { feed, source } = startFeed();
    source.open();
    source.fail(0);
    vi.advanceTimersByTime(PATIENCE_MILLISECONDS - 1);
    expect(feed.state).toBe("reconnecting");
    vi.advanceTimersByTime(1);
    expect(feed.state).toBe("polling");
  });

  it("tells of a gap when it comes back without knowing the last event", () => {
    const { feed, source, sources, onGap } = startFeed();
    source.open();
    onGap.mockClear();
    source.fail(2);
    vi.advanceTimersByTime(PATIENCE_MILLISECONDS);
    sources.at(-1)?.open();
    expect(feed.state).toBe("live");
    expect(onGap).toHaveBeenCalledOnce();
  });

  it("counts the time in which it was stopped as a gap", () => {
    const { feed, source, sources, onGap } = startFeed();
    source.open();
    onGap.mockClear();
    feed.stop();
    feed.start();
    sources.at(-1)?.open();
    expect(onGap).toHaveBeenCalledOnce();
  });
});
