"""The tables as Python classes, for reading. What each column means is written here; DDL lives in migrations/."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Enum, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from atropos_core.lifecycle import HELD_UNTIL, EventType, TaskStatus


def _words(values: type[StrEnum]) -> Enum:
    """A text column that holds the words of the enum, not the names of its members."""
    return Enum(values, native_enum=False, values_callable=list)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own convention
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        TaskStatus: _words(TaskStatus),
        EventType: _words(EventType),
        str: Text,
    }


class Task(Base):
    """One task, whole. Written by core/tasks.py alone."""

    __tablename__ = "tasks"

    #: UUIDv7: newer tasks have greater ids, so "newest first" is the primary key backwards.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    task_type: Mapped[str]
    #: The Redis list, and so the worker pool, that the task goes to; given by its type.
    queue: Mapped[str]
    status: Mapped[TaskStatus]
    #: 0 to 9; greater runs sooner.
    priority: Mapped[int]
    parameters: Mapped[dict[str, Any]]
    labels: Mapped[dict[str, Any]]
    #: Attempts that count against `max_retries`. A drain gives its attempt back.
    attempt: Mapped[int]
    #: Failed attempts that are followed by another one, at most.
    max_retries: Mapped[int]
    #: Grows with every claim and never goes back: the fencing token of outcomes.
    fence: Mapped[int] = mapped_column(BigInteger)
    #: Attempts that workers gave back.
    interruptions: Mapped[int]
    #: Seconds that one attempt may run; none means no limit.
    timeout_seconds: Mapped[float | None]
    #: 0 to 1, as the handler of the current attempt reported.
    progress: Mapped[float]
    progress_message: Mapped[str | None]
    #: What the handler returned. None while there is no result, and a JSON null for a handler without one.
    result: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    #: The last failure: type, message, traceback, attempt, reason.
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    #: When the task is due: at once, later if scheduled, after the backoff when retried.
    run_at: Mapped[datetime]
    #: When its id was handed to Redis; none while it waits in PostgreSQL.
    dispatched_at: Mapped[datetime | None]
    #: When the current or last attempt began.
    started_at: Mapped[datetime | None]
    #: When the task ended.
    finished_at: Mapped[datetime | None]
    #: Until when the worker owns it without a further sign of life.
    lease_expires_at: Mapped[datetime | None]
    #: Set while a running task has been asked to stop.
    cancel_requested_at: Mapped[datetime | None]
    #: The process that runs it, or ran it last.
    worker: Mapped[str | None]
    #: The client's Idempotency-Key, and the hash of the request that first used it.
    idempotency_key: Mapped[str | None]
    idempotency_fingerprint: Mapped[str | None]
    #: W3C trace context of the request that submitted it.
    traceparent: Mapped[str | None]
    #: The W3C traceparent of the newest attempt's span, so that the next attempt can link to it.
    attempt_traceparent: Mapped[str | None]
    #: What the dispatcher keeps to, as core/limits.py tells; none for most.
    limits: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: The limit that it waits for, or waited for last.
    held_for: Mapped[str | None]
    #: Its `run_at` from before it had to wait for a limit, or for other tasks.
    held_run_at: Mapped[datetime | None]
    #: A `DependencyFailure` of a task that depends on others, as core/dependencies.py tells; none for most.
    on_dependency_failure: Mapped[str | None]
    #: Whether tasks that depend on it are still to be told of its end; none if nothing ever depended on it.
    awaited: Mapped[bool | None]

    @property
    def due_at(self) -> datetime:
        """When it is due, or has been since it waits for a limit or for other tasks."""
        return self.held_run_at if self.held_run_at is not None and self.run_at == HELD_UNTIL else self.run_at

    @property
    def waits_for_tasks(self) -> bool:
        """Whether it is pending until tasks that it depends on have ended."""
        waits = self.status is TaskStatus.PENDING and self.run_at == HELD_UNTIL and self.held_for is None
        return waits and self.on_dependency_failure is not None


class TaskDependency(Base):
    """One task depends on another. Inserted with the former, and deleted with it."""

    __tablename__ = "task_dependencies"

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    #: The task that is to end first. Retention keeps it until `task_id` has ended.
    depends_on: Mapped[UUID] = mapped_column(primary_key=True)


class Event(Base):
    """One thing that happened to a task. Only ever inserted, by the statement that made the change."""

    __tablename__ = "events"

    #: In the order of insertion for one task. Across tasks a smaller id can become visible after a greater one:
    #: see `events.EventHorizon`. It is the id of the server-sent event.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: No foreign key: its check would cost each transition a lookup, and retention deletes both sides.
    task_id: Mapped[UUID]
    type: Mapped[EventType]
    #: The attempt it belongs to; 0 before the first.
    attempt: Mapped[int]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class Process(Base):
    """A worker or dispatcher that reports itself; gone when it was silent for three heartbeats."""

    __tablename__ = "processes"

    #: role@host:pid.
    id: Mapped[str] = mapped_column(primary_key=True)
    #: `worker` or `dispatcher`.
    role: Mapped[str]
    hostname: Mapped[str]
    pid: Mapped[int]
    queues: Mapped[list[str]]
    #: Tasks it can run at the same time; 0 for a dispatcher.
    slots: Mapped[int]
    #: It was asked to go, and finishes what it runs.
    draining: Mapped[bool]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Statistic(Base):
    """How often each event happened in one minute: the event log added up by the dispatcher, kept for ever."""

    __tablename__ = "statistics"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    task_type: Mapped[str] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[EventType] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    #: The sum of `data.seconds`: waiting time of `started` events, running time of those that end an attempt.
    seconds: Mapped[float]


class LogLine(Base):
    """A line that a handler logged with `ctx.log`; a bounded number of them is kept of each run."""

    __tablename__ = "task_logs"

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    #: The claim of the run that logged it. Unlike `attempt` it never goes back, so (fence, line) is the order.
    fence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: From 1 in the attempt; it goes on where an earlier run with the same attempt number ended.
    line: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int]
    #: By the clock of the worker.
    at: Mapped[datetime]
    message: Mapped[str]
    fields: Mapped[dict[str, Any]]


class Checkpoint(Base):
    """What a handler kept with `ctx.checkpoint` for the next attempt."""

    __tablename__ = "checkpoints"

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    #: The claim that stored it.
    fence: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    value: Mapped[Any | None] = mapped_column(JSONB)


class Total(Base):
    """How often each event happened since the beginning, and how long it took: what Prometheus is told."""

    __tablename__ = "totals"

    task_type: Mapped[str] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[EventType] = mapped_column(primary_key=True)
    #: `FailureReason` of an attempt that failed, `ReleaseReason` of one that was given back; empty for other events.
    reason: Mapped[str] = mapped_column(primary_key=True)
    #: Index of the first bound of `statistics.BUCKETS` above the duration; -1 for events without one.
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]


class EventCursor(Base):
    """How far a reader of the event log came, moved in the transaction that holds what it made of it."""

    __tablename__ = "event_cursors"

    reader: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger)


class File(Base):
    """An upload, or an artifact of a task. Written by core/files.py alone; its content is in the store."""

    __tablename__ = "files"

    #: UUIDv7, and the name of the object in the store.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    #: The task that made it; none for an upload.
    task_id: Mapped[UUID | None]
    #: The claim of the attempt that writes it.
    fence: Mapped[int | None] = mapped_column(BigInteger)
    #: `writing`, `ready`, `doomed`, `deleted`: only ready ones are seen.
    state: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str]
    #: Known once it is ready, as is the digest in hexadecimal digits.
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    created_at: Mapped[datetime]
    #: When the sweep looks at it next, unless it is ready.
    look_at: Mapped[datetime]
