"""What Prometheus is told of tasks and queues, by the leading dispatcher alone. docs/metrics.md lists it.

Counters and histograms are read from the database at each scrape, where they were added up from the event log: they
are exact, and go on where they were when another dispatcher leads.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import redis
import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from atropos_core import queries, statistics
from atropos_core.db import is_outage
from atropos_core.events import running_key
from atropos_core.models import Process
from atropos_core.statistics import Exemplar, ExemplarKey
from atropos_worker.runtime import Runtime
from atropos_worker.totals_exposition import expose

log = structlog.get_logger("atropos.dispatcher")


class TaskMetrics(Collector):
    """Registered with Prometheus' registry; `collect` runs in the thread of the scrape."""

    def __init__(self, here: Runtime) -> None:
        self._runtime = here
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._exemplars: dict[ExemplarKey, Exemplar] = {}
        #: Whether this dispatcher leads.
        self.leads = False
        #: Ids that it handed to Redis.
        self.dispatched = 0
        #: When its last round succeeded, in `time.monotonic()`; none before the first.
        self.round_succeeded: float | None = None

    def remember(self, exemplars: Mapping[ExemplarKey, Exemplar]) -> None:
        """Keep the newest exemplar of each bucket."""
        with self._lock:
            self._exemplars.update(exemplars)

    def describe(self) -> Iterable[Metric]:
        """Nothing: to learn the names, the registry would ask the database at start."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything; only that it does not lead, or what can be read while the database or Redis is away."""
        yield GaugeMetricFamily("atropos_dispatcher_leader", "1 for the one that tells of tasks.", float(self.leads))
        yield CounterMetricFamily("atropos_dispatcher_dispatched", "Ids that it handed to Redis.", self.dispatched)
        age = time.monotonic() - (self._started if self.round_succeeded is None else self.round_succeeded)
        yield GaugeMetricFamily("atropos_dispatcher_round_age_seconds", "Time since a round of it succeeded.", age)
        if not self.leads:
            return
        try:
            with self._runtime.database.transaction() as session:
                queues, found = self._read(session)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("atropos.metrics.not_collected", error=str(error).splitlines()[0])
            return
        yield from found
        yield from self._redis_gauges(queues)

    def _read(self, session: Session) -> tuple[Sequence[str], list[Metric]]:
        """The queues, and what the database tells."""
        timeout = self._runtime.settings.process_timeout_seconds
        workers = queries.live_processes(session, timeout=timeout, role="worker")
        counts = queries.live_counts(session)
        queues = sorted({row["queue"] for row in counts} | {queue for worker in workers for queue in worker.queues})
        dispatched = queries.dispatched_counts(session)
        waiting = {queue: dispatched.get(queue, 0) for queue in queues}
        # Before the totals: a scrape that says that nothing is behind then has totals with everything in them.
        ids, seconds = statistics.events_behind(session)
        with self._lock:
            exemplars = dict(self._exemplars)
        return queues, [
            *expose(statistics.read_totals(session), exemplars),
            *_queue_gauges(queues, {row["queue"]: row for row in counts}),
            *_worker_gauges(workers),
            _gauge("atropos_queue_dispatched", "Ids handed to Redis and not claimed yet.", waiting),
            GaugeMetricFamily("atropos_event_log_behind_events", "Event ids that were not added up yet.", ids),
            GaugeMetricFamily("atropos_event_log_behind_seconds", "Age of the first such event.", seconds),
        ]

    def _redis_gauges(self, queues: Sequence[str]) -> Iterator[Metric]:
        client = self._runtime.redis
        try:
            windows = {queue: int(client.llen(queue)) for queue in queues}
            running = {queue: int(client.zcard(running_key(queue))) for queue in queues}
        except redis.RedisError as error:
            log.warning("atropos.metrics.not_collected", error=str(error))
            return
        yield _gauge("atropos_queue_window", "Ids in the queue's list in Redis: KEDA's first count.", windows)
        yield _gauge("atropos_queue_running", "Ids in the queue's running set in Redis: KEDA's second count.", running)


def _gauge(name: str, text: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["queue"])
    for queue, value in sorted(values.items()):
        family.add_metric([queue], value)
    return family


def _queue_gauges(queues: Sequence[str], counts: Mapping[str, Mapping[str, float]]) -> Iterator[Metric]:
    tasks = GaugeMetricFamily(
        "atropos_queue_tasks",
        "Tasks that have not ended: pending (and due), scheduled or processing.",
        labels=["queue", "state"],
    )
    for queue in queues:
        for state in ("pending", "scheduled", "processing"):
            tasks.add_metric([queue, state], counts.get(queue, {}).get(state, 0))
    yield tasks
    oldest = {queue: counts.get(queue, {}).get("oldest_seconds", 0.0) for queue in queues}
    yield _gauge("atropos_queue_oldest_seconds", "How long the oldest due task has waited.", oldest)


def _worker_gauges(workers: Sequence[Process]) -> Iterator[Metric]:
    live = GaugeMetricFamily("atropos_workers_live", "Workers that report themselves.", labels=["queue", "draining"])
    slots = GaugeMetricFamily(
        "atropos_workers_slots", "Tasks that they can run at the same time.", labels=["queue", "draining"]
    )
    for queue in sorted({queue for worker in workers for queue in worker.queues}):
        for draining in (False, True):
            chosen = [worker for worker in workers if queue in worker.queues and worker.draining is draining]
            live.add_metric([queue, str(draining).lower()], len(chosen))
            slots.add_metric([queue, str(draining).lower()], sum(worker.slots for worker in chosen))
    yield from (live, slots)
