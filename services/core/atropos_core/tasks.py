"""Every write to a task, for the API, the dispatcher and the worker.

They call these inside a transaction of theirs; nothing here commits. The statements are in transitions.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Text, TextClause, column, select
from sqlalchemy.orm import Session

from atropos_core import dependencies, queries, transitions
from atropos_core.drafts import Submitted, TaskDraft
from atropos_core.errors import IdempotencyKeyReused
from atropos_core.lifecycle import FailureReason, ReleaseReason
from atropos_core.models import Task


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a worker holds while it owns a task; `fence` guards everything it writes."""

    task_id: UUID
    fence: int


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a handler returned."""

    claim: Claim
    #: JSON, as text.
    result: str
    #: How long it ran, by the clock of the worker; none if nobody measured.
    seconds: float | None = None
    #: What it said last with its progress, if that is not written yet.
    progress_message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt ended without a result."""

    reason: FailureReason
    type: str
    message: str
    traceback: str | None = None


def _run_held(session: Session, statement: TextClause, claim: Claim, **values: Any) -> Task | None:
    return next(iter(transitions.run(session, statement, task_id=claim.task_id, fence=claim.fence, **values)), None)


# What people ask for.


def submit(session: Session, drafts: Sequence[TaskDraft]) -> Sequence[Submitted]:
    """Store the drafts as pending tasks, in their order. One whose idempotency key is taken is left out.

    Raises DependencyNotFound if one depends on a task that is not there.
    """
    # What is not there is null: less to write here and to read there.
    given = [{name: value for name, value in vars(draft).items() if value is not None} for draft in drafts]
    standing = dependencies.Standing()
    if any(draft.depends_on for draft in drafts):
        standing = dependencies.take_up(session, drafts)
        given = [{**row, **standing.columns(draft.id)} for row, draft in zip(given, drafts, strict=True)]
    rows = json.dumps(given, default=str)
    # Positions, not names: for a batch of thousands the names of a row's columns cost as much as the insert.
    stored = {task_id: times for task_id, _, *times in session.execute(transitions.SUBMIT, {"drafts": rows})}
    submitted = [Submitted(draft, *stored[draft.id]) for draft in drafts if draft.id in stored]
    return dependencies.keep(session, submitted, standing) if standing.waiting or standing.ready else submitted


def submit_once(session: Session, drafts: Sequence[TaskDraft]) -> Sequence[Submitted] | Sequence[Task]:
    """Store the drafts of one request, all or none, or find the tasks that their idempotency keys made.

    Of those, the ones that retention has deleted since are left out. Raises IdempotencyKeyReused when the keys came
    with another request before, and DependencyNotFound.
    """
    # What they depend on may be gone since the first time.
    found = _made_before(session, drafts) if any(draft.depends_on for draft in drafts) else []
    while not found:
        if stored := _submit_all(session, drafts):
            return stored
        # The insert has waited for the other one to commit. Only if retention then removes it is there none.
        found = _made_before(session, drafts)
    return found


def _submit_all(session: Session, drafts: Sequence[TaskDraft]) -> Sequence[Submitted]:
    """Store them, or none if the key of one is taken."""
    if len(drafts) == 1:
        return submit(session, drafts)
    with session.begin_nested() as savepoint:
        stored = submit(session, drafts)
        if len(stored) < len(drafts):
            savepoint.rollback()
            return []
    return stored


def _made_before(session: Session, drafts: Sequence[TaskDraft]) -> Sequence[Task]:
    found = queries.get_tasks_by_keys(session, [draft.idempotency_key for draft in drafts if draft.idempotency_key])
    for task in found:
        if task.idempotency_fingerprint != drafts[0].idempotency_fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key came with another request before.", task_id=str(task.id))
    return found


def cancel(session: Session, task_ids: Sequence[UUID]) -> Sequence[Task]:
    """Cancel those that wait, ask those that run to stop; returns the changed ones, not those that ended."""
    return transitions.run(session, transitions.CANCEL, task_ids=list(task_ids))


def retry(session: Session, task_ids: Sequence[UUID]) -> Sequence[Task]:
    """Let failed and cancelled tasks run again, with all their attempts; returns the changed ones.

    At once, or once the tasks that they depend on have completed.
    """
    waiting = dependencies.take_up_again(session, task_ids)
    return transitions.run(session, transitions.RETRY, task_ids=list(task_ids), waiting=waiting)


# What the dispatcher does.


def dispatch(session: Session, queue: str, *, room: int) -> Sequence[Task]:
    """Mark up to `room` due tasks of the queue as handed to Redis, in order of priority, then of `run_at`."""
    tasks = transitions.run(session, transitions.DISPATCH, queue=queue, room=room)
    return sorted(tasks, key=lambda task: (-task.priority, task.run_at, task.id))


def redispatch(session: Session, task_ids: Sequence[UUID]) -> Sequence[Task]:
    """Take back the mark of tasks that Redis no longer holds, so that they are due again."""
    return transitions.run(session, transitions.REDISPATCH, task_ids=list(task_ids))


def rescue(session: Session, *, room: int = 100) -> Sequence[Task]:
    """Take tasks whose lease lapsed from their worker: pending again, or ended if it was the last attempt."""
    return transitions.run(session, transitions.RESCUE, room=room)


# What a worker does. Each changes nothing, and returns nothing, once the claim does not hold any more.
# `seconds` is how long the attempt ran, by the clock of the worker.


def claim(
    session: Session, task_ids: Mapping[UUID, str | None], *, worker: str, lease: float
) -> Sequence[tuple[Task, str | None]]:
    """Own these tasks for `lease` seconds: those that are pending and due, as a message may come late or twice.

    Each id comes with the traceparent of its new attempt, or none; with one, that of the attempt before is returned.
    """
    rows = select(Task, column("previous_traceparent", Text)).from_statement(transitions.CLAIM)
    values = {
        "task_ids": list(task_ids),
        "traceparents": list(task_ids.values()),
        "worker": worker,
        "lease": lease,
    }
    found = session.execute(rows.execution_options(populate_existing=True), values)
    return [(task, previous) for task, previous in found]


def renew(session: Session, claim: Claim, *, lease: float) -> Task | None:
    """Own it for `lease` seconds from now; `cancel_requested_at` of the answer tells of a cancel."""
    return _run_held(session, transitions.RENEW, claim, lease=lease)


def report_progress(
    session: Session, claim: Claim, progress: float, message: str | None, *, lease: float
) -> Task | None:
    """Renew, and show progress from 0 to 1."""
    return _run_held(session, transitions.PROGRESS, claim, progress=progress, message=message, lease=lease)


def complete(session: Session, completions: Sequence[Completion]) -> Sequence[Task]:
    """End tasks with their results."""
    return transitions.run(
        session,
        transitions.COMPLETE,
        task_ids=[completion.claim.task_id for completion in completions],
        fences=[completion.claim.fence for completion in completions],
        results=[completion.result for completion in completions],
        seconds=[completion.seconds for completion in completions],
        messages=[completion.progress_message for completion in completions],
    )


def fail(session: Session, claim: Claim, failure: Failure, *, seconds: float | None = None) -> Task | None:
    """End it for good, without a result."""
    return _run_held(session, transitions.FAIL, claim, error=json.dumps(asdict(failure)), seconds=seconds)


def retry_at(
    session: Session, claim: Claim, failure: Failure, *, delay: float, seconds: float | None = None
) -> Task | None:
    """Let it run again `delay` seconds from now; a task that was to be cancelled is cancelled instead."""
    error = json.dumps(asdict(failure))
    return _run_held(session, transitions.RETRY_AT, claim, error=error, delay=delay, seconds=seconds)


def release(
    session: Session,
    claim: Claim,
    *,
    reason: ReleaseReason = ReleaseReason.DRAIN,
    delay: float = 0.0,
    message: str | None = None,
    queue: str | None = None,
    seconds: float | None = None,
) -> Task | None:
    """Give it back, and the attempt with it, to run again `delay` seconds from now; `message` tells people why.

    It goes on in `queue`, if one is given. A task that was to be cancelled is cancelled instead.
    """
    values = {"reason": reason.value, "delay": delay, "message": message, "queue": queue, "seconds": seconds}
    return _run_held(session, transitions.RELEASE, claim, **values)


def confirm_cancel(session: Session, claim: Claim, *, seconds: float | None = None) -> Task | None:
    """Say that a running task has stopped because it was asked to."""
    return _run_held(session, transitions.CONFIRM_CANCEL, claim, seconds=seconds)
