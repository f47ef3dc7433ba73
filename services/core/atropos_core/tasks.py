"""Every write to a task, for the API, the dispatcher and the worker.

They call these inside a transaction of theirs; nothing here commits. The statements are in transitions.py.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, select
from sqlalchemy.orm import Session

from atropos_core import queries, transitions
from atropos_core.errors import IdempotencyKeyReused
from atropos_core.lifecycle import FailureReason, new_task_id
from atropos_core.models import Task


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """A validated request for a task. `parameters` and `labels` are JSON that jsonb can hold (see json_values)."""

    task_type: str
    queue: str
    parameters: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)
    #: 0 to 9; greater runs sooner.
    priority: int = 5
    max_retries: int = 3
    #: Seconds that one attempt may run.
    timeout_seconds: float | None = None
    #: When it is due; none means now, or after `delay_seconds`.
    run_at: datetime | None = None
    delay_seconds: float = 0
    idempotency_key: str | None = None
    idempotency_fingerprint: str | None = None
    traceparent: str | None = None
    id: UUID = field(default_factory=new_task_id)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a worker holds while it owns a task; `fence` guards everything it writes."""

    task_id: UUID
    fence: int


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt ended without a result."""

    reason: FailureReason
    type: str
    message: str
    traceback: str | None = None


def _run(session: Session, statement: TextClause, **values: Any) -> Sequence[Task]:
    rows = select(Task).from_statement(statement).execution_options(populate_existing=True)
    return session.scalars(rows, values).all()


def _run_held(session: Session, statement: TextClause, claim: Claim, **values: Any) -> Task | None:
    return next(iter(_run(session, statement, task_id=claim.task_id, fence=claim.fence, **values)), None)


# What people ask for.


def submit(session: Session, drafts: Sequence[TaskDraft]) -> Sequence[Task]:
    """Store the drafts as pending tasks, in their order. One whose idempotency key is taken is left out."""
    rows = json.dumps([asdict(draft) for draft in drafts], default=str)
    return _run(session, transitions.SUBMIT, drafts=rows)


def submit_once(session: Session, draft: TaskDraft) -> tuple[Task, bool]:
    """Store one draft, or find the task that its idempotency key made; the flag says that it was found.

    Raises IdempotencyKeyReused when the key came with another request before.
    """
    while True:
        if stored := submit(session, [draft]):
            return stored[0], False
        # The insert has waited for the other one to commit. Only if retention then removes it is there none.
        found = queries.get_task_by_key(session, draft.idempotency_key or "")
        if found is None:
            continue
        if found.idempotency_fingerprint != draft.idempotency_fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key came with another request before.", task_id=str(found.id))
        return found, True


def cancel(session: Session, task_ids: Sequence[UUID]) -> Sequence[Task]:
    """Cancel those that wait, ask those that run to stop; returns the changed ones, not those that ended."""
    return _run(session, transitions.CANCEL, task_ids=list(task_ids))


def retry(session: Session, task_ids: Sequence[UUID]) -> Sequence[Task]:
    """Let failed and cancelled tasks run again at once, with all their attempts; returns the changed ones."""
    return _run(session, transitions.RETRY, task_ids=list(task_ids))


# What the dispatcher does.


def dispatch(session: Session, queue: str, *, room: int) -> Sequence[Task]:
    """Mark up to `room` due tasks of the queue as handed to Redis, in order of priority, then of `run_at`."""
    tasks = _run(session, transitions.DISPATCH, queue=queue, room=room)
    return sorted(tasks, key=lambda task: (-task.priority, task.run_at, task.id))


def redispatch(session: Session, task_ids: Sequence[UUID]) -> Sequence[Task]:
    """Take back the mark of tasks that Redis no longer holds, so that they are due again."""
    return _run(session, transitions.REDISPATCH, task_ids=list(task_ids))


def rescue(session: Session, *, room: int = 100) -> Sequence[Task]:
    """Take tasks whose lease lapsed from their worker: pending again, or ended if it was the last attempt."""
    return _run(session, transitions.RESCUE, room=room)


# What a worker does. Each returns None, and changes nothing, once the claim does not hold any more.


def claim(session: Session, task_id: UUID, *, worker: str, lease: float) -> Task | None:
    """Own the task for `lease` seconds, if it is pending and due; None if a message came late or twice."""
    return next(iter(_run(session, transitions.CLAIM, task_id=task_id, worker=worker, lease=lease)), None)


def renew(session: Session, claim: Claim, *, lease: float) -> Task | None:
    """Own it for `lease` seconds from now; `cancel_requested_at` of the answer tells of a cancel."""
    return _run_held(session, transitions.RENEW, claim, lease=lease)


def report_progress(
    session: Session, claim: Claim, progress: float, message: str | None, *, lease: float
) -> Task | None:
    """Renew, and show progress from 0 to 1."""
    return _run_held(session, transitions.PROGRESS, claim, progress=progress, message=message, lease=lease)


def complete(session: Session, claim: Claim, result: str) -> Task | None:
    """End it with a result, given as JSON text."""
    return _run_held(session, transitions.COMPLETE, claim, result=result)


def fail(session: Session, claim: Claim, failure: Failure) -> Task | None:
    """End it for good, without a result."""
    return _run_held(session, transitions.FAIL, claim, error=json.dumps(asdict(failure)))


def retry_at(session: Session, claim: Claim, failure: Failure, *, delay: float) -> Task | None:
    """Let it run again `delay` seconds from now; a task that was to be cancelled is cancelled instead."""
    return _run_held(session, transitions.RETRY_AT, claim, error=json.dumps(asdict(failure)), delay=delay)


def release(session: Session, claim: Claim) -> Task | None:
    """Give it back at once, and the attempt with it; a task that was to be cancelled is cancelled instead."""
    return _run_held(session, transitions.RELEASE, claim, delay=0.0)


def confirm_cancel(session: Session, claim: Claim) -> Task | None:
    """Say that a running task has stopped because it was asked to."""
    return _run_held(session, transitions.CONFIRM_CANCEL, claim)
