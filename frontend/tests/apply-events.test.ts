import { describe, expect, it } from "vitest";
import { applyEvent, applyToPage } from "@/live/apply-events";
import { event, OTHER_ID, second, task } from "./samples";

const running = task({ status: "processing", attempt: 1, started_at: second(1), worker: "w-1" });

describe("applyEvent", () => {
  it("starts a pending task with the attempt and worker of the event", () => {
    const after = applyEvent(task(), event("started", 1, { data: { worker: "w-1" } }));
    expect(after).toMatchObject({ status: "processing", attempt: 1, worker: "w-1", started_at: second(1) });
  });

  it("moves the progress of the attempt that runs", () => {
    const after = applyEvent(running, event("progressed", 2, { data: { progress: 0.5, message: "half" } }));
    expect(after).toMatchObject({ progress: 0.5, progress_message: "half" });
  });

  it("ignores progress of an earlier attempt", () => {
    const secondRun = { ...running, attempt: 2 };
    expect(applyEvent(secondRun, event("progressed", 2, { data: { progress: 0.5 } }))).toBe(secondRun);
  });

  it("ignores progress that the answer is ahead of", () => {
    const ahead = { ...running, progress: 0.6, progress_message: "more than half" };
    expect(applyEvent(ahead, event("progressed", 2, { data: { progress: 0.5, message: "half" } }))).toBe(ahead);
  });

  it("ignores an event that is older than the answer it would change", () => {
    const ended = task({ status: "completed", attempt: 1, finished_at: second(9), progress: 1 });
    expect(applyEvent(ended, event("started", 1))).toBe(ended);
  });

  it("shows when the next attempt is due after one that failed", () => {
    const after = applyEvent(running, event("retry_scheduled", 3, { data: { run_at: second(13) } }));
    expect(after).toMatchObject({ status: "pending", attempt: 1, run_at: second(13) });
  });

  it("does not count an attempt that a worker gave back", () => {
    const after = applyEvent(running, event("interrupted", 3));
    expect(after).toMatchObject({ status: "pending", attempt: 0, interruptions: 1, queue: running.queue });
    expect(applyEvent(running, event("interrupted", 3, { data: { queue: "video" } })).queue).toBe("video");
  });

  it("keeps a task that was asked to stop in its state", () => {
    const after = applyEvent(running, event("cancel_requested", 3));
    expect(after).toMatchObject({ status: "processing", cancel_requested_at: second(3) });
  });

  it("gives a retried task all its attempts again", () => {
    const failed = task({ status: "failed", attempt: 4, finished_at: second(5), progress: 0.4 });
    const after = applyEvent(failed, event("retried", 6, { attempt: 4 }));
    expect(after).toMatchObject({ status: "pending", attempt: 0, progress: 0, finished_at: null });
  });
});

describe("applyToPage", () => {
  const page = { tasks: [running, task({ task_id: OTHER_ID })], next_cursor: null };

  it("keeps the same page when no event is about its tasks", () => {
    expect(applyToPage(page, [event("started", 2, { task_id: "another" })])).toBe(page);
  });

  it("keeps the rows that do not change", () => {
    const after = applyToPage(page, [event("completed", 2)]);
    expect(after.tasks[0]?.status).toBe("completed");
    expect(after.tasks[1]).toBe(page.tasks[1]);
  });

  it("applies several events to one task in their order", () => {
    const events = [event("retry_scheduled", 2), event("started", 3, { attempt: 2 })];
    expect(applyToPage(page, events).tasks[0]).toMatchObject({ status: "processing", attempt: 2 });
  });
});
