"""What a sound service leaves for the chaos proof to look at; test_chaos_proof.py calls it."""

from dataclasses import replace

from tests.chaos.evidence import Asked, CancelAnswer, Event, Evidence, Line, Row

#: A task that is done at once, one that is lost with its first worker, one that fails, one cancelled while it waits,
#: and one that is asked to stop.
DONE, RESCUED, FAILED, CANCELLED, STOPPED = "done", "rescued", "failed", "cancelled", "stopped"
#: Tasks that depend on the first, and on the one that fails: one fails with it, one runs all the same.
AFTER, WITH, ANYHOW = "after", "with", "anyhow"
WORKER, OTHER = 100, 200


def sound() -> Evidence:
    """What a sound service leaves."""
    evidence = Evidence(
        asked=[
            Asked(DONE, "quick", task_ids={DONE}),
            Asked(RESCUED, "scheduled", delay=0.5, task_ids={RESCUED}),
            Asked(FAILED, "always fails", task_ids={FAILED}),
            Asked(CANCELLED, "cancelled early", batch="b", size=2, task_ids={CANCELLED}),
            Asked(STOPPED, "cancelled late", batch="b", size=2, task_ids={STOPPED}),
            Asked(AFTER, "quick", needs=(DONE,), on_dependency_failure="cancel", task_ids={AFTER}),
            Asked(WITH, "quick", needs=(FAILED,), on_dependency_failure="fail", task_ids={WITH}),
            Asked(ANYHOW, "quick", needs=(FAILED, DONE), on_dependency_failure="run", task_ids={ANYHOW}),
        ],
        cancels=[CancelAnswer(CANCELLED, "cancelled", 5.0), CancelAnswer(STOPPED, "processing", 5.0)],
        rows=[
            row(DONE, "completed", run="done-1"),
            row(RESCUED, "completed", attempt=2, fence=2, run="rescued-2"),
            row(FAILED, "failed", attempt=2, fence=3, interruptions=1, max_retries=1, reason="error"),
            row(CANCELLED, "cancelled", attempt=0, fence=0, batch="b"),
            row(STOPPED, "cancelled", batch="b"),
            row(AFTER, "completed", run="after-1"),
            row(WITH, "failed", attempt=0, fence=0, reason="permanent"),
            row(ANYHOW, "completed", run="anyhow-1"),
        ],
        events=_events(),
        lines=_lines(),
    )
    count_again(evidence)
    return evidence


def _events() -> list[Event]:
    return [
        *history(DONE, "submitted 0", "started 1", "completed 1"),
        *history(RESCUED, "submitted 0", "started 1", "rescued 1", "redispatched 1", "started 2", "completed 2"),
        *history(FAILED, "submitted 0", "started 1", "retry_scheduled 1", "started 2", "interrupted 2"),
        *history(FAILED, "started 2", "failed 2", first=6),
        *history(CANCELLED, "submitted 0", "cancelled 0"),
        *history(STOPPED, "submitted 0", "started 1", "progressed 1", "cancel_requested 1", "cancelled 1"),
        *history(AFTER, "submitted 0"),
        *history(AFTER, "released 0", "started 1", "completed 1", first=4),
        *history(WITH, "submitted 0"),
        replace(event(WITH, 8, "failed", 0), by_dependency=True, seconds=None),
        *history(ANYHOW, "submitted 0"),
        *history(ANYHOW, "released 0", "started 1", "completed 1", first=8),
    ]


def _lines() -> list[Line]:
    return [
        *run(DONE, 1, "done-1", 2.1, "finish"),
        *run(RESCUED, 2, "rescued-2", 5.1, "finish"),
        *run(FAILED, 1, "failed-1", 2.1, "left by ChaosFailure"),
        *run(FAILED, 2, "failed-2", 4.1, "left by Stopped"),
        *run(FAILED, 2, "failed-3", 6.1, "left by ChaosFailure"),
        *run(STOPPED, 1, "stopped-1", 2.1, "left by Stopped"),
        *run(AFTER, 1, "after-1", 5.1, "finish"),
        *run(ANYHOW, 1, "anyhow-1", 9.1, "finish"),
    ]


def row(task_id: str, status: str, **values: object) -> Row:
    usual = {"key": task_id, "batch": None, "idempotency_key": None, "attempt": 1, "max_retries": 3, "fence": 1}
    return Row(id=task_id, status=status, **{**usual, "interruptions": 0, **values})  # type: ignore[arg-type]


def history(task_id: str, *words: str, first: int = 1) -> list[Event]:
    """Events a second apart, from the first second on."""
    found = []
    for number, word in enumerate(words, first):
        kind, attempt = word.split()
        reason = {"rescued": "worker_lost", "failed": "error", "retry_scheduled": "error"}.get(kind, "")
        found.append(event(task_id, number, kind, int(attempt), reason))
    return found


def event(task_id: str, number: int, kind: str, attempt: int, reason: str = "") -> Event:
    timed = kind in {"started", "completed", "failed", "retry_scheduled", "interrupted", "rescued"}
    return Event(
        id=sum(map(ord, task_id)) * 100 + number,
        task_id=task_id,
        type=kind,
        attempt=attempt,
        at=float(number),
        parent=WORKER if kind == "started" else None,
        reason=reason,
        seconds=0.02 if timed else None,
    )


def run(task_id: str, attempt: int, name: str, at: float, end: str) -> list[Line]:
    start = Line(what="start", task_id=task_id, attempt=attempt, run=name, pid=101, parent=WORKER, at=at)
    return [start, replace(start, what=end, at=at + 0.1)]


def count_again(evidence: Evidence) -> None:
    """Statistics as the events now are. In buckets of durations 0.02 s is the third (index 2)."""
    for sums, name in ((evidence.statistics, "minute"), (evidence.totals, "bucket")):
        sums.clear()  # type: ignore[attr-defined]
        for found in evidence.events:
            bucket = "-1" if found.seconds is None else "2"
            key = ("0", found.type) if name == "minute" else (found.type, found.reason, bucket)
            count, seconds = sums.get(key, (0, 0.0))
            sums[key] = (count + 1, seconds + (found.seconds or 0.0))  # type: ignore[index]
