"""The dispatcher's second duty: find what was lost or left behind."""

from uuid import UUID

import redis
import structlog
from opentelemetry import trace

from atropos_core import queries, tasks, tracing
from atropos_core.events import running_key
from atropos_worker.messages import Message
from atropos_worker.runtime import Runtime

#: Ids of one queue that are compared with Redis in one look.
MAXIMUM_LOOK = 20_000

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
        held = {Message.read(member).task_id for member in self._runtime.redis.lrange(queue, 0, -1)}
        return set(dispatched) - held


def rescue(runtime: Runtime) -> int:
    """Take tasks from workers that were lost; returns how many."""
    with runtime.database.transaction() as session:
        rescued = tasks.rescue(session)
    if rescued:
        runtime.hints.ended(rescued)
    for task in rescued:
        with trace.use_span(trace.get_current_span(tracing.context_of(task.traceparent))):
            log.warning("atropos.task.rescued", task_id=str(task.id), status=task.status.value, worker=task.worker)
    return len(rescued)


def drop_lapsed(client: "redis.Redis", *, now: float) -> None:
    """Drop members of all running sets whose lease ended before `now` (Unix time) without a renewal."""
    for key in client.scan_iter(match=running_key("*")):
        client.zremrangebyscore(key, "-inf", now)
