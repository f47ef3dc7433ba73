"""The tables as Python classes, for reading. What each column means is written here; DDL lives in migrations/."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Enum, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from atropos_core.lifecycle import EventType, TaskStatus


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
    #: Attempts given back by draining workers.
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


class EventCursor(Base):
    """How far a reader of the event log came, moved in the transaction that holds what it made of it."""

    __tablename__ = "event_cursors"

    reader: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
