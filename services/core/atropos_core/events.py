"""The event log for those who follow it, and the hints through Redis that tell them when to look."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

import redis
import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from atropos_core import tracing
from atropos_core.client_spans import TracedRedis
from atropos_core.models import Event, Task
from atropos_core.settings import Settings

#: Pub/sub channel: "something may be due".
WAKE = "atropos:wake"
#: Pub/sub channel: the ids of tasks that changed, separated by spaces.
CHANGED = "atropos:changed"
#: After a hint could not be sent none is tried for this many seconds, so an outage of Redis slows nobody down.
PAUSE_SECONDS = 1.0

log = structlog.get_logger("atropos.events")


def running_key(queue: str) -> str:
    """The sorted set of running task ids of a queue, scored with their lease's end; KEDA counts it."""
    return f"atropos:running:{queue}"


def connect_redis(settings: Settings, *, timeout: float = 1.0) -> "redis.Redis":
    """A client whose calls fail within about `timeout` seconds."""
    client = TracedRedis if tracing.enabled() else redis.Redis
    return client.from_url(
        settings.redis_address,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
    )


def _joined(task_ids: Iterable[UUID]) -> str:
    return " ".join(map(str, task_ids))


class Hints:
    """Sent after a commit, best effort: whoever misses one looks by itself within a second."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._silent_until = 0.0

    def changed(self, task_ids: Iterable[UUID], *, wake: bool = False) -> None:
        """Tell those who watch that these tasks changed; and dispatchers, if something may be due now."""
        message = _joined(task_ids)

        def send(pipeline: "redis.client.Pipeline") -> None:
            if wake:
                pipeline.publish(WAKE, "")
            pipeline.publish(CHANGED, message)

        self._attempt(send)

    def run(self, tasks: Sequence[Task], *, changed: bool) -> None:
        """Keep tasks in the running sets of their queues until their leases end; tell those who watch of a change."""

        def send(pipeline: "redis.client.Pipeline") -> None:
            for task in tasks:
                if task.lease_expires_at is not None:
                    pipeline.zadd(running_key(task.queue), {str(task.id): task.lease_expires_at.timestamp()})
            if changed:
                pipeline.publish(CHANGED, _joined(task.id for task in tasks))

        self._attempt(send)

    def ended(self, tasks: Sequence[Task], *, ran_in: Mapping[UUID, str] = MappingProxyType({})) -> None:
        """Attempts ended: out of the running sets; tell those who watch, and dispatchers if one may be due now.

        `ran_in` has the queues that they ran in; without one it is where the task is now.
        """

        def send(pipeline: "redis.client.Pipeline") -> None:
            for task in tasks:
                pipeline.zrem(running_key(ran_in.get(task.id, task.queue)), str(task.id))
            pipeline.publish(CHANGED, _joined(task.id for task in tasks))
            if any(task.finished_at is None or task.limits or task.awaited for task in tasks):
                pipeline.publish(WAKE, "")

        self._attempt(send)

    def _attempt(self, send: Callable[["redis.client.Pipeline"], None]) -> None:
        """Send commands in one round trip. They may get lost; then none is sent for a while."""
        if time.monotonic() < self._silent_until:
            return
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                send(pipeline)
                pipeline.execute()
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + PAUSE_SECONDS
            log.warning("atropos.hint.lost", error=str(error))


class EventHorizon:
    """How far the event log can be read across tasks without missing one.

    Ids are given out before their transactions commit, so a smaller id can appear after a greater one. The
    horizon is the greatest id below which no transaction is still open: the sequence's last value, once all
    transactions that were open when it was read have ended (PostgreSQL manual, "Transaction ID and Snapshot
    Information Functions": everything before a snapshot's xmin has ended). They are those before a transaction id
    that is given out after the reading; a snapshot's xmax is not one, as it follows the newest that has *ended*.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int]] = deque()
        self._last = 0

    def advance(self, session: Session) -> int:
        """The greatest event id that is safe to read up to, now. Never shrinks.

        Raises RuntimeError in a transaction that has written or locked rows: its id is older than the reading.
        """
        # Three statements in this order: the transaction id must be given out, and then the snapshot be taken, after
        # the last value was read. Before the first event the sequence's last value is 1 already, and not called.
        last, own = session.execute(
            text("SELECT last_value - (NOT is_called)::int, pg_current_xact_id_if_assigned()::text FROM events_id_seq")
        ).one()
        if own is not None:
            raise RuntimeError("The horizon is to be advanced before the transaction writes.")
        newest = self._waiting[-1][0] if self._waiting else self._last
        if last > newest:
            following = session.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one()
            self._waiting.append((int(last), int(following)))
        oldest_open = session.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one()
        while self._waiting and self._waiting[0][1] <= int(oldest_open):
            self._last = self._waiting.popleft()[0]
        return self._last


def read_events(session: Session, *, after: int, up_to: int, limit: int) -> Sequence[Event]:
    """Events of all tasks after one id, up to the horizon, in order."""
    query = select(Event).where(Event.id > after, Event.id <= up_to).order_by(Event.id).limit(limit)
    return session.scalars(query).all()


def read_task_events(session: Session, task_id: UUID, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
    """Events of one task. The row's lock orders them, so no horizon is needed."""
    query = select(Event).where(Event.task_id == task_id, Event.id > after).order_by(Event.id).limit(limit)
    return session.scalars(query).all()
