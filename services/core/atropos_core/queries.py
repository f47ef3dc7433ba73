"""Reads of tasks, processes and statistics. Nothing here writes, and everything is bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from atropos_core.errors import TaskNotFound
from atropos_core.lifecycle import EventType, TaskStatus
from atropos_core.models import Process, Statistic, Task

#: Counting a position in the queue stops here, so that asking stays cheap however long the queue is.
MAXIMUM_QUEUE_POSITION = 10_000
#: Ids are made from the clocks of API processes; a filter by creation time allows them to be off by this.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """Which tasks; empty means all. Conditions are joined with AND, the values of one with OR."""

    task_ids: Sequence[UUID] = ()
    statuses: Sequence[TaskStatus] = ()
    task_types: Sequence[str] = ()
    queues: Sequence[str] = ()
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
            found.append(Task.status.in_(self.statuses))
        if self.task_types:
            found.append(Task.task_type.in_(self.task_types))
        if self.queues:
            found.append(Task.queue.in_(self.queues))
        if self.labels:
            found += [Task.labels.contains(dict(self.labels)), Task.labels != {}]
        if self.created_from:
            found += [
                Task.created_at >= self.created_from,
                Task.id >= _first_id(self.created_from, -CLOCK_TOLERANCE),
            ]
        if self.created_before:
            found += [
                Task.created_at < self.created_before,
                Task.id < _first_id(self.created_before, CLOCK_TOLERANCE),
            ]
        return found


def _first_id(moment: datetime, tolerance: timedelta) -> UUID:
    """The least UUIDv7 of that time, so that the primary key bounds a window of time."""
    milliseconds = int((moment.timestamp() + tolerance.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), (1 << 48) - 1) << 80)


def get_task(session: Session, task_id: UUID) -> Task:
    """The task. Raises TaskNotFound."""
    task = session.get(Task, task_id, populate_existing=True)
    if task is None:
        raise TaskNotFound(f"There is no task {task_id}.", task_id=str(task_id))
    return task


def get_task_by_key(session: Session, idempotency_key: str) -> Task | None:
    """The task that this Idempotency-Key made."""
    return session.scalar(select(Task).where(Task.idempotency_key == idempotency_key))


def list_tasks(session: Session, chosen: TaskFilter, *, limit: int, before: UUID | None = None) -> Sequence[Task]:
    """Up to `limit` tasks, newest first, older than `before`."""
    query = select(Task).where(*chosen.conditions()).order_by(Task.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(Task.id < before)).all()


def matching_ids(session: Session, chosen: TaskFilter, among: Sequence[TaskStatus], *, limit: int) -> list[UUID]:
    """Ids of up to `limit` matching tasks that are in one of these states, oldest first."""
    query = select(Task.id).where(Task.status.in_(among), *chosen.conditions()).order_by(Task.id).limit(limit)
    return list(session.scalars(query))


def queue_position(session: Session, task: Task) -> int | None:
    """How many tasks of its queue go before a due pending task; None for others and beyond the maximum."""
    ahead = text("""
        SELECT count(*) FROM (
            (SELECT 1 FROM tasks WHERE queue = :queue AND status = 'pending' AND dispatched_at IS NOT NULL
                AND (CAST(:dispatched_at AS timestamptz) IS NULL OR dispatched_at < :dispatched_at)
             LIMIT :maximum)
            UNION ALL
            (SELECT 1 FROM tasks WHERE queue = :queue AND status = 'pending' AND dispatched_at IS NULL
                AND CAST(:dispatched_at AS timestamptz) IS NULL AND run_at <= now()
                AND (priority > :priority OR (priority = :priority AND (run_at, id) < (:run_at, CAST(:id AS uuid))))
             LIMIT :maximum)
        ) AS ahead""")
    if task.status is not TaskStatus.PENDING or not _is_due(session, task):
        return None
    values = {name: getattr(task, name) for name in ("queue", "dispatched_at", "priority", "run_at", "id")}
    count: int = session.execute(ahead, {**values, "maximum": MAXIMUM_QUEUE_POSITION}).scalar_one()
    return count if count < MAXIMUM_QUEUE_POSITION else None


def _is_due(session: Session, task: Task) -> bool:
    return bool(session.scalar(select(func.now() >= task.run_at)))


def seconds_until_due(session: Session) -> dict[str, float]:
    """For each queue with tasks that wait in PostgreSQL: seconds until the first is due; 0 or less if one is.

    A loose index scan over tasks_due (PostgreSQL wiki, "Loose indexscan"): a few probes, however many wait.
    """
    rows = session.execute(
        text("""
        WITH RECURSIVE queues AS (
            (SELECT queue FROM tasks WHERE status = 'pending' AND dispatched_at IS NULL ORDER BY queue LIMIT 1)
            UNION ALL
            SELECT (SELECT queue FROM tasks WHERE status = 'pending' AND dispatched_at IS NULL
                    AND queue > queues.queue ORDER BY queue LIMIT 1)
            FROM queues WHERE queues.queue IS NOT NULL
        )
        SELECT queues.queue, extract(epoch FROM min(first.run_at) - now())::float
        FROM queues, generate_series(0, 9) AS level,
        LATERAL (
            SELECT run_at FROM tasks
            WHERE queue = queues.queue AND priority = level AND status = 'pending' AND dispatched_at IS NULL
            ORDER BY run_at LIMIT 1
        ) AS first
        GROUP BY queues.queue""")
    )
    return {row[0]: float(row[1]) for row in rows}


def dispatched_ids(session: Session, queue: str, *, limit: int) -> list[UUID]:
    """Ids of the queue that were handed to Redis and not claimed yet, the longest waiting first."""
    query = (
        select(Task.id)
        .where(Task.queue == queue, Task.status == TaskStatus.PENDING, Task.dispatched_at.is_not(None))
        .order_by(Task.dispatched_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def dispatched_counts(session: Session) -> dict[str, int]:
    """How many ids of each queue were handed to Redis and not claimed yet."""
    query = (
        select(Task.queue, func.count())
        .where(Task.status == TaskStatus.PENDING, Task.dispatched_at.is_not(None))
        .group_by(Task.queue)
    )
    return {row[0]: int(row[1]) for row in session.execute(query)}


def live_processes(session: Session, *, timeout: float, role: str | None = None) -> Sequence[Process]:
    """Workers and dispatchers that gave a sign of life in the last `timeout` seconds."""
    alive = Process.seen_at > func.now() - timedelta(seconds=timeout)
    query = select(Process).where(alive).order_by(Process.id)
    return session.scalars(query if role is None else query.where(Process.role == role)).all()


def running_tasks(session: Session, *, limit: int = 1000) -> dict[str, list[UUID]]:
    """The ids that each worker runs now."""
    query = select(Task.worker, Task.id).where(Task.status == TaskStatus.PROCESSING).order_by(Task.id).limit(limit)
    running: dict[str, list[UUID]] = {}
    for worker, task_id in session.execute(query):
        running.setdefault(worker or "", []).append(task_id)
    return running


def live_counts(session: Session) -> list[dict[str, Any]]:
    """For each queue that has work: waiting, scheduled and running tasks, and the age of the oldest due one."""
    rows = session.execute(
        text("""
        SELECT queue,
               count(*) FILTER (WHERE status = 'pending' AND run_at <= now()) AS pending,
               count(*) FILTER (WHERE status = 'pending' AND run_at > now()) AS scheduled,
               count(*) FILTER (WHERE status = 'processing') AS processing,
               coalesce(extract(epoch FROM now() - min(run_at) FILTER (WHERE status = 'pending' AND run_at <= now())),
                        0)::float AS oldest_seconds
        FROM tasks WHERE status IN ('pending', 'processing') GROUP BY queue ORDER BY queue""")
    )
    return [dict(row) for row in rows.mappings()]


def event_totals(session: Session, *, since: datetime | None = None) -> dict[EventType, int]:
    """How often each event happened, from the statistics, since a minute or ever."""
    query = select(Statistic.event, func.sum(Statistic.count)).group_by(Statistic.event)
    rows = session.execute(query if since is None else query.where(Statistic.minute >= since))
    return {EventType(event): int(count) for event, count in rows}
