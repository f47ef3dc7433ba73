"""What Prometheus is told of one worker: its slots, its loop and its memory. docs/metrics.md lists it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from atropos_worker.liveness import ConsumerLiveness

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class WorkerMetrics(Collector):
    """Registered with Prometheus' registry; `collect` runs in the thread of the scrape, in the parent."""

    def __init__(
        self,
        liveness: ConsumerLiveness,
        *,
        slots: int,
        running: Callable[[], int],
        taken: Callable[[], int],
        children: Callable[[], list[int]],
    ) -> None:
        self._liveness = liveness
        self._slots = slots
        self._running, self._taken, self._children = running, taken, children
        self._known: set[int] = set()

    def collect(self) -> Iterator[Metric]:
        """A few gauges and counters."""
        liveness, children = self._liveness, self._children()
        self._known.update(children)
        memory = sum(_resident(process) for process in [os.getpid(), *children])
        yield CounterMetricFamily("atropos_worker_messages", "Messages taken from Redis.", value=self._taken())
        yield CounterMetricFamily(
            "atropos_worker_children_started", "Processes of slots that a scrape saw.", value=len(self._known)
        )
        for name, text, value in (
            ("slots", "Tasks that it can run at the same time.", self._slots),
            ("busy_slots", "Tasks that it runs now.", self._running()),
            ("draining", "1 after it was asked to go.", liveness.draining),
            ("loop_age_seconds", "Time since its consumer's loop turned; it turns every second.", liveness.loop_age()),
            ("suspected", "1 while its loop stands still, or it leaves waiting tasks alone.", liveness.suspected),
            ("memory_bytes", "Resident memory of parent and children; what they share counts for each.", memory),
        ):
            yield GaugeMetricFamily(f"atropos_worker_{name}", text, value=float(value))


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0
