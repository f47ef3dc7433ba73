"""Reads of tasks, processes and statistics. Nothing here writes, and everything is bounded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from atropos_core.errors import TaskNotFound
from atropos_core.lifecycle import EventType, TaskStatus
from atropos_core.models import Process, Statistic, Task, Total
from atropos_core.statistics import BUCKETS

#: Counting a position in the queue stops here, so that asking stays cheap however long the queue is.
MAXIMUM_QUEUE_POSITION = 10_000
#: The oldest dispatched task is looked for among so many; windows are far smaller.
MAXIMUM_DISPATCHED = 100_000


def get_task(session: Session, task_id: UUID) -> Task:
    """The task. Raises TaskNotFound."""
    task = session.get(Task, task_id, populate_existing=True)
    if task is None:
        raise TaskNotFound(f"There is no task {task_id}.", task_id=str(task_id))
    return task


def get_tasks_by_keys(session: Session, idempotency_keys: Sequence[str]) -> list[Task]:
    """The tasks that these idempotency keys made, in the order of the keys."""
    keys = literal(list(idempotency_keys), ARRAY(Text))
    found = {
        task.idempotency_key: task for task in session.scalars(select(Task).where(Task.idempotency_key == any_(keys)))
    }
    return [found[key] for key in idempotency_keys if key in found]


def queue_position(session: Session, task: Task) -> int | None:
    """How many tasks of its queue go before a due pending task; None for others and beyond the maximum."""
    # One probe for each priority: with `priority > :priority` the whole queue would be read.
    ahead = text("""
        SELECT count(*) FROM (
            (SELECT 1 FROM tasks WHERE queue = :queue AND status = 'pending' AND dispatched_at IS NOT NULL
                AND (CAST(:dispatched_at AS timestamptz) IS NULL OR dispatched_at < :dispatched_at)
             LIMIT :maximum)
            UNION ALL
            (SELECT 1 FROM generate_series(9, :priority, -1) AS level, LATERAL (
                SELECT 1 FROM tasks
                WHERE queue = :queue AND priority = level AND status = 'pending' AND dispatched_at IS NULL
                  AND CAST(:dispatched_at AS timestamptz) IS NULL AND run_at <= now()
                  AND (run_at, id) < (CASE level WHEN :priority THEN :run_at ELSE 'infinity' END, CAST(:id AS uuid))
             ) AS before
             LIMIT :maximum)
        ) AS ahead""")
    if task.status is not TaskStatus.PENDING or not _is_due(session, task):
        return None
    values = {name: getattr(task, name) for name in ("queue", "dispatched_at", "priority", "run_at", "id")}
    count: int = session.execute(ahead, {**values, "maximum": MAXIMUM_QUEUE_POSITION}).scalar_one()
    return count if count < MAXIMUM_QUEUE_POSITION else None


def _is_due(session: Session, task: Task) -> bool:
    return bool(session.scalar(select(func.now() >= task.run_at)))


class Due(NamedTuple):
    """What waits in PostgreSQL in one queue."""

    #: Until the first is due; 0 or less if one is.
    seconds: float
    #: Whether some wait for a limit.
    held: bool


def seconds_until_due(session: Session) -> dict[str, Due]:
    """For each queue with tasks that wait in PostgreSQL: when the first is due.

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
        SELECT queues.queue, extract(epoch FROM min(first.run_at) - now())::float, EXISTS (
            SELECT FROM tasks WHERE queue = queues.queue
              AND held_for IS NOT NULL AND status = 'pending' AND dispatched_at IS NULL)
        FROM queues, generate_series(0, 9) AS level,
        LATERAL (
            SELECT run_at FROM tasks
            WHERE queue = queues.queue AND priority = level AND status = 'pending' AND dispatched_at IS NULL
            ORDER BY run_at LIMIT 1
        ) AS first
        GROUP BY queues.queue""")
    )
    return {row[0]: Due(float(row[1]), row[2]) for row in rows}


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
    """For each queue that has work: waiting, scheduled and running tasks, and the age of the oldest due one.

    Each part has the literal condition of one index, and a million waiting tasks are counted in tasks_due alone. The
    maximum keeps the table from being read: PostgreSQL takes dispatched tasks to be as many as all that were ever.
    """
    rows = session.execute(
        text("""
        SELECT queue, sum(pending)::bigint AS pending, sum(scheduled)::bigint AS scheduled,
               sum(processing)::bigint AS processing,
               coalesce(extract(epoch FROM now() - min(oldest)), 0)::float AS oldest_seconds
        FROM (
            SELECT queue, count(*) FILTER (WHERE run_at <= now()) AS pending,
                   count(*) FILTER (WHERE run_at > now()) AS scheduled, 0 AS processing,
                   min(run_at) FILTER (WHERE run_at <= now()) AS oldest
            FROM tasks WHERE status = 'pending' AND dispatched_at IS NULL GROUP BY queue
            UNION ALL
            SELECT queue, count(*), 0, 0, NULL
            FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL GROUP BY queue
            UNION ALL
            SELECT queue, 0, 0, 0, min(run_at) FROM (
                SELECT queue, run_at FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL
                ORDER BY queue, dispatched_at LIMIT :maximum
            ) AS dispatched GROUP BY queue
            UNION ALL
            SELECT queue, 0, 0, count(*), NULL FROM tasks WHERE status = 'processing' GROUP BY queue
        ) AS parts GROUP BY queue ORDER BY queue"""),
        {"maximum": MAXIMUM_DISPATCHED},
    )
    return [dict(row) for row in rows.mappings()]


def event_totals(session: Session, *, since: datetime | None = None) -> dict[EventType, int]:
    """How often each event happened, added up, since a minute or ever."""
    if since is None:  # from the few rows that hold just that, not from those of every minute
        query = select(Total.event, func.sum(Total.count)).group_by(Total.event)
    else:
        query = select(Statistic.event, func.sum(Statistic.count)).group_by(Statistic.event)
        query = query.where(Statistic.minute >= since)
    return {EventType(event): int(count) for event, count in session.execute(query)}


def duration_counts(session: Session) -> tuple[list[int], list[int]]:
    """How many attempts waited, and how many ran, as long as each bucket of `statistics.BUCKETS`: ever, added up."""
    waiting, running = ([0] * (len(BUCKETS) + 1) for _ in range(2))
    query = select(Total.event, Total.bucket, func.sum(Total.count)).where(Total.bucket >= 0)
    for event, bucket, count in session.execute(query.group_by(Total.event, Total.bucket)):
        # Of the events with a duration, all but one end an attempt.
        counts = waiting if event is EventType.STARTED else running
        counts[bucket] += int(count)
    return waiting, running
