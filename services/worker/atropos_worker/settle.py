"""Writes what came of an attempt, once, and tells those who wait for it."""

from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from atropos_core import tasks
from atropos_core.models import Task
from atropos_core.tasks import Claim
from atropos_worker.outcome import Cancelled, Completed, Failed, Outcome, Released, RetryLater, Void
from atropos_worker.runtime import Runtime

log = structlog.get_logger("atropos.worker")


def settle(runtime: Runtime, task: Task, claim: Claim, outcome: Outcome) -> None:
    """Write the outcome if the claim still holds. Over an outage of the database it is tried for one lease's time."""
    if isinstance(outcome, Void):
        log.warning("atropos.task.void", task_id=str(task.id))
        return
    settled = runtime.database.retrying(_transition(claim, outcome), seconds=runtime.settings.lease_seconds)
    if settled is None:
        log.warning("atropos.task.void", task_id=str(task.id), outcome=type(outcome).__name__)
        return
    runtime.hide_running(settled)
    runtime.hints.changed([settled.id])
    if settled.dispatched_at is None and settled.finished_at is None:
        runtime.hints.wake()
    log.info(f"atropos.task.{_word(outcome)}", task_id=str(task.id), **_details(outcome))


def _transition(
    claim: Claim, outcome: Completed | Failed | RetryLater | Released | Cancelled
) -> Callable[[Session], Task | None]:
    match outcome:
        case Completed(result):
            return lambda session: tasks.complete(session, claim, result)
        case Failed(failure):
            return lambda session: tasks.fail(session, claim, failure)
        case RetryLater(failure, delay):
            return lambda session: tasks.retry_at(session, claim, failure, delay=delay)
        case Released():
            return lambda session: tasks.release(session, claim)
        case Cancelled():
            return lambda session: tasks.confirm_cancel(session, claim)


def _word(outcome: Outcome) -> str:
    words = {Completed: "completed", Failed: "failed", RetryLater: "retry_scheduled", Released: "interrupted"}
    return words.get(type(outcome), "cancelled")


def _details(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Failed(failure):
            return {"reason": failure.reason.value, "error": f"{failure.type}: {failure.message}"[:300]}
        case RetryLater(failure, delay):
            return {"delay": round(delay, 2), "error": f"{failure.type}: {failure.message}"[:300]}
        case _:
            return {}
