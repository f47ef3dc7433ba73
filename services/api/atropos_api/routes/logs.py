"""What the handler of a task logged, line by line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from atropos_api.deps import ListingDep
from atropos_api.schemas import FromAttributes
from atropos_core import logs
from atropos_core.logs import Position
from atropos_core.models import LogLine

#: `fence:line` of the last line that was seen; opaque to clients.
CURSOR = r"^[0-9]{1,18}:[0-9]{1,9}$"

router = APIRouter(prefix="/tasks", tags=["tasks"])


class LogLineView(FromAttributes):
    """A line that a handler logged."""

    attempt: int
    line: int = Field(description="From 1 in each attempt; an attempt that is run again goes on counting.")
    at: datetime = Field(description="By the clock of the worker.")
    message: str
    fields: dict[str, Any]


class LogPage(BaseModel):
    """Lines of a task, oldest first."""

    lines: list[LogLineView]
    next_cursor: str | None = Field(
        description="Give it as `after` to get what comes next, also after the last page; null before the first line."
    )


@router.get("/{task_id}/logs")
def get_logs(
    task_id: UUID,
    session: ListingDep,
    attempt: Annotated[int | None, Query(ge=1, lt=2**31, description="Only of this attempt.")] = None,
    after: Annotated[str | None, Query(pattern=CURSOR, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> LogPage:
    """What its handler logged, oldest first; while the task runs, lines are there about a second later."""
    found = logs.read(session, task_id, attempt=attempt, after=_position(after), limit=limit)
    return LogPage(lines=[LogLineView.model_validate(line) for line in found], next_cursor=_cursor(found, after))


def _position(cursor: str | None) -> Position | None:
    return Position(*map(int, cursor.split(":"))) if cursor else None


def _cursor(found: Sequence[LogLine], after: str | None) -> str | None:
    return f"{found[-1].fence}:{found[-1].line}" if found else after
