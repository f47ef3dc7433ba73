"""The event log for those who follow it, and the hints through Redis that tell them when to look."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import redis
import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from atropos_core.models import Event
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
    return redis.Redis.from_url(
        settings.redis_url,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
    )


class Hints:
    """Sent after a commit, best effort: whoever misses one looks by itself within a second."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._silent_until = 0.0

    def wake(self) -> None:
        """Tell dispatchers that something may be due."""
        self.attempt(lambda client: client.publish(WAKE, ""))

    def changed(self, task_ids: Iterable[UUID]) -> None:
        """Tell those who watch that these tasks changed."""
        message = " ".join(str(task_id) for task_id in task_ids)
        self.attempt(lambda client: client.publish(CHANGED, message))

    def attempt(self, call: Callable[["redis.Redis"], object]) -> None:
        """Make a call that may get lost; none is made for a while after one was."""
        if time.monotonic() < self._silent_until:
            return
        try:
            call(self._client)
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + PAUSE_SECONDS
            log.warning("atropos.hint.lost", error=str(error))


class EventHorizon:
    """How far the event log can be read across tasks without missing one.

    Ids are given out before their transactions commit, so a smaller id can appear after a greater one. The
    horizon is the greatest id below which no transaction is still open: the sequence's last value, once all
    transactions that were open when it was read have ended (PostgreSQL manual, "Transaction ID and Snapshot
    Information Functions": everything before a snapshot's xmin has ended).
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int]] = deque()
        self._last = 0

    def advance(self, session: Session) -> int:
        """The greatest event id that is safe to read up to, now. Never shrinks."""
        # In two statements: the snapshot must be taken after the last value was read.
        last = int(session.scalar(text("SELECT last_value FROM events_id_seq")) or 0)
        row = session.execute(
            text(
                "SELECT pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint"
                " FROM pg_current_snapshot() AS snapshot"
            )
        ).one()
        oldest_open, next_transaction = int(row[0]), int(row[1])
        if not self._waiting or self._waiting[-1][0] != last:
            self._waiting.append((last, next_transaction))
        while self._waiting and self._waiting[0][1] <= oldest_open:
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
