"""What handlers said with `ctx.log`: kept by the worker beside its renewals and outcomes, read by the API.

As in tasks.py nothing here commits.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from atropos_core import queries, transitions
from atropos_core.models import LogLine
from atropos_core.tasks import Claim


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line to keep; its text is such that PostgreSQL can hold it."""

    #: From 1, in the order of the run.
    number: int
    at: datetime
    message: str
    #: A JSON object, as text.
    fields: str


@dataclass(frozen=True)
class Position:
    """Where a line stands among those of its task."""

    fence: int
    line: int


def keep(session: Session, claim: Claim, lines: Sequence[Line]) -> None:
    """Store lines of the claim's run, if it still holds; those that are stored already are left as they are."""
    rows = json.dumps([asdict(line) for line in lines], default=datetime.isoformat)
    session.execute(transitions.KEEP_LINES, {"task_id": claim.task_id, "fence": claim.fence, "lines": rows})


def read(
    session: Session, task_id: UUID, *, attempt: int | None = None, after: Position | None = None, limit: int
) -> Sequence[LogLine]:
    """Up to `limit` lines of a task, or of one of its attempts, oldest first. Raises TaskNotFound."""
    query = select(LogLine).where(LogLine.task_id == task_id).order_by(LogLine.fence, LogLine.line).limit(limit)
    if attempt is not None:
        query = query.where(LogLine.attempt == attempt)
    if after is not None:
        query = query.where(tuple_(LogLine.fence, LogLine.line) > tuple_(after.fence, after.line))
    found = session.scalars(query).all()
    if not found:
        queries.get_task(session, task_id)
    return found
