import { describe, expect, it } from "vitest";
import type { NeededTask, TaskError, TaskStatusView, Worker } from "@/api/types";
import { timelineOf } from "@/task/timeline";
import { mergeEvents } from "@/task/use-task-events";
import { waitingReason } from "@/task/waiting";
import { event, OTHER_ID, second, task } from "./samples";

const ERROR: TaskError = { reason: "error", type: "ValueError", message: "no", traceback: "…", attempt: 1 };

describe("timelineOf", () => {
  it("tells waits and runs of a task that was tried again", () => {
    const entries = timelineOf(
      [
        event("submitted", 0),
        event("started", 1, { data: { worker: "w-1", seconds: 1 } }),
        event("progressed", 2, { data: { progress: 0.5 } }),
        event("retry_scheduled", 3, { data: { error: ERROR, run_at: second(8), seconds: 2 } }),
        event("started", 8, { attempt: 2 }),
        event("completed", 9, { attempt: 2 }),
      ],
      null,
    );
    expect(entries).toMatchObject([
      { kind: "wait", reason: "submitted", from: second(0), to: second(1), due: null },
      { kind: "run", attempt: 1, worker: "w-1", outcome: "retry_scheduled", error: ERROR, progress: 0.5 },
      { kind: "wait", reason: "backing off", due: second(8), to: second(8) },
      { kind: "run", attempt: 2, outcome: "completed", progress: 1, to: second(9) },
    ]);
  });

  it("calls a wait scheduled that was to last, while it lasts and after", () => {
    expect(timelineOf([event("submitted", 0)], second(60))).toMatchObject([{ reason: "scheduled", due: second(60) }]);
    const ended = timelineOf([event("submitted", 0), event("started", 61, { data: { seconds: 1 } })], null);
    expect(ended[0]).toMatchObject({ reason: "scheduled", due: second(60) });
  });

  it("notes a wish to stop within the run, and lets a person's retry follow", () => {
    const events = [event("started", 1), event("cancel_requested", 2), event("cancelled", 3), event("retried", 9)];
    const [run, wait] = timelineOf(events, null);
    expect(run).toMatchObject({ outcome: "cancelled", notes: [{ at: second(2) }] });
    expect(wait).toMatchObject({ kind: "wait", reason: "retried", to: null });
  });

  it("says why a worker gave it back, and until when it waits then", () => {
    const data = { reason: "no_task_type", message: "Worker w has no task type 'x'", run_at: second(62), queue: "y" };
    const [run, wait] = timelineOf([event("started", 1), event("interrupted", 2, { data })], second(62));
    expect(run).toMatchObject({ outcome: "interrupted", notes: [{ text: `${data.message}; it goes on in queue y` }] });
    expect(wait).toMatchObject({ kind: "wait", reason: "given back", due: second(62) });
  });
});

describe("timelineOf, of a task that depends on others", () => {
  it("tells the wait for them from the wait for a worker", () => {
    const events = [
      event("submitted", 0),
      event("released", 5, { data: { run_at: second(5) } }),
      event("started", 6, { data: { seconds: 1 } }),
    ];
    expect(timelineOf(events, null)).toMatchObject([
      { reason: "for other tasks", from: second(0), to: second(5), due: null },
      { reason: "released", from: second(5), to: second(6), due: null },
      { kind: "run", from: second(6) },
    ]);
  });

  it("says when it is due after they have ended", () => {
    const events = [event("submitted", 0), event("released", 5, { data: { run_at: second(60) } })];
    expect(timelineOf(events, second(60))[1]).toMatchObject({ reason: "released", to: null, due: second(60) });
  });

  it("notes which of them ended it", () => {
    const ended = event("cancelled", 5, { attempt: 0, data: { dependency_failed: OTHER_ID } });
    const [wait, ...others] = timelineOf([event("submitted", 0), ended], null);
    expect(wait).toMatchObject({ to: second(5), notes: [{ text: "cancelled because of task", taskId: OTHER_ID }] });
    expect(others).toEqual([]);
  });
});

describe("mergeEvents", () => {
  it("keeps each event once, in the order of the ids", () => {
    const [first, next, last] = [event("submitted", 0), event("started", 1), event("completed", 2)];
    expect(mergeEvents([first, last], [next, last])).toEqual([first, next, last]);
  });
});

describe("waitingReason", () => {
  const status = (queue_position: number | null) => ({ queue_position }) as TaskStatusView;
  const worker = { queues: ["default"], slots: 4, draining: false, running: ["a"] } as unknown as Worker;

  it("tells the position and how busy the workers are", () => {
    const { headline, details } = waitingReason(task(), status(7), [worker], false);
    expect(headline).toContain("queue default");
    expect(details).toEqual(["7 tasks go before it.", "1 worker serves queue default: 1 of 4 slots are busy."]);
  });

  it("says that nobody serves its queue", () => {
    const { details } = waitingReason(task({ queue: "large" }), status(0), [worker], false);
    expect(details[1]).toContain("No worker serves queue large");
  });

  it("names the tasks that it waits for, and no workers", () => {
    const needed: NeededTask = { task_id: OTHER_ID, task_type: "default", status: "processing" };
    const waiting = { ...status(null), waiting_for: [needed] };
    expect(waitingReason(task(), waiting, [worker], false)).toEqual({
      headline: "It waits for a task",
      details: [],
      due: null,
      tasks: [needed],
    });
    const both = { ...waiting, waiting_for: [needed, { ...needed, status: "failed" as const }] };
    const { headline, details } = waitingReason(task(), both, [worker], true);
    expect(headline).toBe("It waits for 2 tasks");
    expect(details).toEqual([
      "What has failed or was cancelled has to be retried first.",
      "After that it waits until it is due.",
    ]);
  });

  it("tells the limit that it waits for, which has no position", () => {
    const limit = "At most 2 tasks run at once with the concurrency key 'acme'.";
    const { headline, details } = waitingReason(task(), { ...status(null), waiting_for_limit: limit }, [worker], false);
    expect(headline).toBe("It waits for others to make room");
    expect(details[0]).toBe(limit);
    expect(details.join()).not.toContain("10,000");
  });

  it("tells when a failed attempt is tried again", () => {
    const waiting = waitingReason(task({ attempt: 2, run_at: second(60) }), undefined, undefined, true);
    expect(waiting).toMatchObject({ headline: "Attempt 2 failed; the next one is due", due: second(60) });
  });
});
