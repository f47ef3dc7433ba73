"""The leading dispatcher's thread that deletes old tasks: it works a quarter of the time at most, and stops at once."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from atropos_core.db import is_outage
from atropos_core.lifecycle import TaskStatus
from atropos_core.retention import Batch, Pass, kept_seconds
from atropos_worker.runtime import Runtime

#: After each batch the thread rests for this many times as long as it took: a database under load gets longer rests.
REST = 3.0
#: Seconds that it rests at least; and after an error, or while it does not lead.
SHORTEST_REST = 0.02
IDLE_SECONDS = 1.0
#: A pass begins this many seconds after the one before ended, or after a hundredth of the time that tasks are kept.
PASS_SECONDS = 600.0

log = structlog.get_logger("atropos.retention")


class Retention(Collector):
    """A thread of its own, since a batch may take as long as handing out hundreds of tasks."""

    def __init__(self, runtime: Runtime, leads: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._leads = leads
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self._walks = [_Walk(state, seconds) for state, seconds in kept_seconds(runtime.settings).items()]

    def start(self) -> None:
        """Delete from now on, while this dispatcher leads."""
        if self._walks:
            self._thread.start()

    def stop(self) -> None:
        """End after the batch that is under way; should it take longer than a second, leave it to be rolled back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1)

    def describe(self) -> Iterable[Metric]:
        """Nothing, as `TaskMetrics`."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus is told."""
        deleted = CounterMetricFamily("atropos_retention_deleted", "Tasks that it deleted.", labels=["state"])
        behind = GaugeMetricFamily(
            "atropos_retention_behind_seconds", "How long a task may be over that is still there.", labels=["state"]
        )
        for walk in self._walks:
            deleted.add_metric([walk.state], walk.deleted)
            behind.add_metric([walk.state], walk.behind())
        yield from (deleted, behind)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = IDLE_SECONDS
            try:
                if self._leads():
                    pause = min(self._step(walk) for walk in self._walks)
                else:
                    self._walks = [_Walk(walk.state, walk.seconds, walk.deleted) for walk in self._walks]
            except Exception as error:
                if is_outage(error):
                    log.warning("atropos.retention.failed", error=str(error).splitlines()[0])
                else:
                    log.exception("atropos.retention.failed")

    def _step(self, walk: "_Walk") -> float:
        """One batch, unless the walk rests or the process is to end; returns the seconds until the next step."""
        began = time.monotonic()
        if began < walk.rests_until or self._stopping.is_set():
            return IDLE_SECONDS
        with self._runtime.database.transaction() as session:
            batch = walk.current().delete_batch(session)
        walk.note(batch)
        return max(REST * (time.monotonic() - began), SHORTEST_REST)


class _Walk:
    """The passes through one state, one after the other."""

    def __init__(self, state: TaskStatus, seconds: float, deleted: int = 0) -> None:
        self.state, self.seconds, self.deleted = state, seconds, deleted
        #: Before this time, in `time.monotonic()`, no further pass begins.
        self.rests_until = 0.0
        self._pass: Pass | None = None
        self._began = self._clean_since = time.monotonic()
        self._late = 0.0

    def current(self) -> Pass:
        """The pass that is under way, or a new one."""
        if self._pass is None:
            self._pass, self._began = Pass(self.state, self.seconds), time.monotonic()
        return self._pass

    def note(self, batch: Batch) -> None:
        """A batch is committed. After the last one all is gone that was over when the pass began."""
        self.deleted += batch.deleted
        self._late = batch.late
        if batch.last:
            self._pass, self._clean_since = None, self._began
            self.rests_until = time.monotonic() + min(PASS_SECONDS, self.seconds / 100)

    def behind(self) -> float:
        """Seconds since nothing was over; or by which the last deleted task was, if that is more."""
        return max(time.monotonic() - self._clean_since, self._late)
