"""The dispatcher's second duty: find what was lost or left behind, and add up the event log."""

import json
from uuid import UUID

import redis
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core import queries, tasks
from atropos_core.events import EventHorizon, running_key
from atropos_worker.runtime import Runtime

#: Ids of one queue that are compared with Redis in one look.
MAXIMUM_LOOK = 20_000
#: Event ids added up in one transaction.
STATISTICS_BATCH = 5_000

_ADD_UP = text("""
    INSERT INTO statistics (minute, task_type, queue, event, count, seconds)
    SELECT date_trunc('minute', events.at), tasks.task_type, tasks.queue, events.type,
           count(*), coalesce(sum((events.data ->> 'seconds')::float), 0)
    FROM events JOIN tasks ON tasks.id = events.task_id
    WHERE events.id > :after AND events.id <= :up_to
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (minute, task_type, queue, event) DO UPDATE
    SET count = statistics.count + excluded.count, seconds = statistics.seconds + excluded.seconds""")

log = structlog.get_logger("atropos.dispatcher")


class Reconciler:
    """Finds ids that were handed to Redis and are neither there nor claimed.

    An id that a worker has just taken is in neither place for a moment, so two looks in a row must miss it.
    Should that still be wrong, the second message finds nothing to claim.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._missed: set[UUID] = set()

    def run_once(self) -> int:
        """Make lost ids due again; returns how many."""
        database = self._runtime.database
        with database.transaction() as session:
            queues = queries.dispatched_counts(session)
        missing: set[UUID] = set()
        for queue, count in queues.items():
            if count > int(self._runtime.redis.llen(queue)):
                missing |= self._missing(queue)
        lost, self._missed = missing & self._missed, missing - self._missed
        if lost:
            with database.transaction() as session:
                again = tasks.redispatch(session, sorted(lost))
            log.warning("atropos.dispatcher.redispatched", count=len(again))
            return len(again)
        return 0

    def _missing(self, queue: str) -> set[UUID]:
        with self._runtime.database.transaction() as session:
            dispatched = queries.dispatched_ids(session, queue, limit=MAXIMUM_LOOK)
        messages = self._runtime.redis.lrange(queue, 0, -1)
        held = {UUID(json.loads(message)["headers"]["id"]) for message in messages}
        return set(dispatched) - held


def rescue(runtime: Runtime) -> int:
    """Take tasks from workers that were lost; returns how many."""
    with runtime.database.transaction() as session:
        rescued = tasks.rescue(session)
    for task in rescued:
        runtime.hide_running(task)
        log.warning("atropos.task.rescued", task_id=str(task.id), status=task.status.value, worker=task.worker)
    if rescued:
        runtime.hints.changed(task.id for task in rescued)
    return len(rescued)


def drop_lapsed(client: "redis.Redis", *, now: float) -> None:
    """Drop members of all running sets whose lease ended before `now` (Unix time) without a renewal."""
    for key in client.scan_iter(match=running_key("*")):
        client.zremrangebyscore(key, "-inf", now)


def add_up_events(session: Session, horizon: EventHorizon) -> int:
    """Add a batch of the event log to the statistics, if no other dispatcher does; returns how many ids it moved."""
    session.execute(
        text("INSERT INTO event_cursors (reader, event_id) VALUES ('statistics', 0) ON CONFLICT DO NOTHING")
    )
    after = session.scalar(
        text("SELECT event_id FROM event_cursors WHERE reader = 'statistics' FOR UPDATE SKIP LOCKED")
    )
    if after is None:
        return 0
    up_to = min(horizon.advance(session), after + STATISTICS_BATCH)
    if up_to <= after:
        return 0
    session.execute(_ADD_UP, {"after": after, "up_to": up_to})
    session.execute(text("UPDATE event_cursors SET event_id = :up_to WHERE reader = 'statistics'"), {"up_to": up_to})
    return int(up_to - after)
