"""Which tasks match, a page at a time: for the API's lists and bulk changes. An index has the order of each page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, UnaryExpression, any_, func, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from atropos_core.lifecycle import TaskStatus
from atropos_core.models import Task

#: Ids are made from the clocks of API processes; a filter by creation time allows them to be off by this.
CLOCK_TOLERANCE = timedelta(minutes=5)

# A task with a label is labelled, and a task of a window has an id of that time. PostgreSQL multiplies the shares of
# two such conditions, as if hardly a task met both, and then builds bitmaps of half a million rows for one page.
# Compared with ANY of sixteen copies of a value, the second condition is the same, and taken to be true of nearly all.


def _copies(value: str) -> ColumnElement[Any]:
    return any_(func.array_fill(literal_column(value), literal_column("ARRAY[16]")))


#: The condition of the index tasks_by_label.
_LABELLED = Task.labels != _copies("'{}'::jsonb")
_NO_TIME = _copies("interval '0'")


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """Which tasks; empty means all. Conditions are joined with AND, the values of one with OR."""

    task_ids: Sequence[UUID] = ()
    statuses: Sequence[TaskStatus] = ()
    task_types: Sequence[str] = ()
    #: Each of these labels with this value.
    labels: Mapping[str, str] = field(default_factory=dict)
    created_from: datetime | None = None
    created_before: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.task_ids:
            found.append(Task.id.in_(self.task_ids))
        if self.statuses:
            found.append(or_(*(Task.status.between(state, state) for state in self.statuses)))
        if self.task_types:
            found.append(Task.task_type.in_(self.task_types))
        if self.labels:
            found += [Task.labels.contains(dict(self.labels)), _LABELLED]
        if self.created_from:
            found += [
                Task.created_at - self.created_from >= _NO_TIME,
                Task.id >= first_id(self.created_from, -CLOCK_TOLERANCE),
            ]
        if self.created_before:
            found += [
                Task.created_at - self.created_before < _NO_TIME,
                Task.id < first_id(self.created_before, CLOCK_TOLERANCE),
            ]
        return found

    def by_state(self, among: Sequence[TaskStatus] = ()) -> list["TaskFilter"]:
        """One filter for each of its states that is `among` some; itself if neither names a state."""
        states = self.statuses or among
        if not states:
            return [self]
        return [replace(self, statuses=(state,)) for state in dict.fromkeys(states) if not among or state in among]


def first_id(moment: datetime, tolerance: timedelta) -> UUID:
    """The least UUIDv7 of that time, so that the primary key bounds a window of time."""
    milliseconds = int((moment.timestamp() + tolerance.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), (1 << 48) - 1) << 80)


# PostgreSQL takes the tasks of a state to be spread evenly over all ids. Asked for the newest completed one, or for the
# oldest pending one, it would walk the primary key through a million others. An order by (status, id) leads to the
# index that has it, one state at a time; and only with BETWEEN, since `=` says that to order by status means nothing.


def list_tasks(session: Session, chosen: TaskFilter, *, limit: int, before: UUID | None = None) -> Sequence[Task]:
    """Up to `limit` tasks, newest first, older than `before`."""
    older = [] if before is None else [Task.id < before]
    newest = [
        select(Task).where(*one.conditions(), *older).order_by(*_newest_first(one)).limit(limit)
        for one in chosen.by_state()
    ]
    if len(newest) == 1:
        return session.scalars(newest[0]).all()
    merged = union_all(*newest)
    ordered = merged.order_by(merged.selected_columns.id.desc()).limit(limit)
    return session.scalars(select(Task).from_statement(ordered)).all()


def _newest_first(chosen: TaskFilter) -> list[UnaryExpression[Any]]:
    return [Task.status.desc(), Task.id.desc()] if chosen.statuses else [Task.id.desc()]


def matching_ids(session: Session, chosen: TaskFilter, among: Sequence[TaskStatus], *, limit: int) -> list[UUID]:
    """Ids of up to `limit` matching tasks that are in one of these states; in each state, oldest first."""
    found: list[UUID] = []
    for one in chosen.by_state(among):
        query = select(Task.id).where(*one.conditions()).order_by(Task.status, Task.id).limit(limit - len(found))
        found += session.scalars(query)
    return found
