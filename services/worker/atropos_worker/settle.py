"""Writes what came of attempts, once, and tells those who wait for it."""

import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from atropos_core import files, logs, tasks
from atropos_core.models import Task
from atropos_core.tasks import Completion
from atropos_worker.outcome import Cancelled, Completed, Failed, Outcome, Released, RetryLater, Void
from atropos_worker.runs import Ended
from atropos_worker.runtime import Runtime

#: The word for an outcome that nobody may write.
VOID = "void"

log = structlog.get_logger("atropos.worker")


def settle(runtime: Runtime, ended: Sequence[Ended], *, seconds: float) -> None:
    """Write each outcome whose claim still holds, and the lines of its handler that are not written yet.

    All of it in one transaction; over an outage of the database it is tried for `seconds`.
    """
    began = time.time_ns()
    # The first trace shows the statements, which all of them share.
    with ended[0].run.spans.settling():
        settled = runtime.database.retrying(lambda session: _write(session, ended), seconds=seconds)
        if settled:
            runtime.hints.ended(settled, ran_in={one.run.task.id: one.run.task.queue for one in ended})
    ids = {task.id for task in settled}
    for one in ended:
        if one is not ended[0]:
            one.run.spans.settled_since(began)
        _tell(one, ids)
        one.run.context.files.clean_up()


def _write(session: Session, ended: Sequence[Ended]) -> list[Task]:
    """The tasks whose claims held."""
    completions: list[Completion] = []
    settled: list[Task | None] = []
    for one in ended:
        if isinstance(one.outcome, Void):
            continue
        if lines := one.run.context.lines.last():
            logs.keep(session, one.run.claim, lines)
        if isinstance(one.outcome, Completed):
            _, message = one.run.context.take_progress() or (1.0, None)
            completions.append(
                Completion(
                    claim=one.run.claim, result=one.outcome.result, seconds=one.seconds, progress_message=message
                )
            )
        else:
            settled.append(_transition(session, one))
    if completions:
        completed = tasks.complete(session, completions)
        settled.extend(completed)
        _publish(session, ended, {task.id for task in completed})
    return [task for task in settled if task is not None]


def _publish(session: Session, ended: Sequence[Ended], completed: set[UUID]) -> None:
    """Make the artifacts of completed tasks visible, in the transaction that completes them."""
    runs = [one.run for one in ended if isinstance(one.outcome, Completed) and one.run.task.id in completed]
    contents = [artifact for run in runs for artifact in run.context.files.artifacts]
    if contents and len(files.publish(session, contents)) != len(contents):
        raise RuntimeError("an artifact was given up while the claim of its attempt held")


def _transition(session: Session, ended: Ended) -> Task | None:
    claim, seconds = ended.run.claim, ended.seconds
    match ended.outcome:
        case Failed(failure):
            return tasks.fail(session, claim, failure, seconds=seconds)
        case RetryLater(failure, delay):
            return tasks.retry_at(session, claim, failure, delay=delay, seconds=seconds)
        case Released(reason, delay, message, queue):
            return tasks.release(
                session, claim, reason=reason, delay=delay, message=message, queue=queue, seconds=seconds
            )
        case Cancelled():
            return tasks.confirm_cancel(session, claim, seconds=seconds)
        case Completed() | Void():
            raise AssertionError("written elsewhere, or not at all")


def _tell(ended: Ended, settled: set[UUID]) -> None:
    run, outcome = ended.run, ended.outcome
    word = _word(outcome) if run.task.id in settled else VOID
    with run.spans.current(), structlog.contextvars.bound_contextvars(**run.log_fields):
        if word == VOID:
            log.warning("atropos.task.void", outcome=type(outcome).__name__)
        else:
            log.info(f"atropos.task.{word}", **_details(outcome))
    run.spans.end(outcome, word)


def _word(outcome: Outcome) -> str:
    words = {Completed: "completed", Failed: "failed", RetryLater: "retry_scheduled", Released: "interrupted"}
    return words.get(type(outcome), "cancelled")


def _details(outcome: Outcome) -> Mapping[str, object]:
    match outcome:
        case Failed(failure):
            return {"reason": failure.reason.value, "error": f"{failure.type}: {failure.message}"[:300]}
        case RetryLater(failure, delay):
            return {"delay": round(delay, 2), "error": f"{failure.type}: {failure.message}"[:300]}
        case Released(reason, _, message, queue):
            told = {"reason": reason.value, "message": message, "queue": queue}
            return {name: value for name, value in told.items() if value is not None}
        case _:
            return {}
