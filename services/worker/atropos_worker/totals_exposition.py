"""The totals of the event log as counters and histograms of Prometheus. docs/metrics.md lists them."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, Exemplar, HistogramMetricFamily

from atropos_core.lifecycle import ENDING_EVENTS, EventType, FailureReason, ReleaseReason
from atropos_core.models import Total
from atropos_core.statistics import BUCKETS, ExemplarKey
from atropos_core.statistics import Exemplar as Found

#: Counters of one kind of event.
EVENT_COUNTERS = {
    EventType.SUBMITTED: ("atropos_tasks_submitted", "Tasks that were accepted."),
    EventType.RETRIED: ("atropos_tasks_retried", "Ended tasks that a person let run again."),
    EventType.STARTED: ("atropos_attempts_started", "Attempts that a worker began."),
    EventType.RETRY_SCHEDULED: ("atropos_attempts_retried", "Failed attempts after which another one was scheduled."),
    EventType.RESCUED: ("atropos_attempts_rescued", "Attempts of lost workers after which another one was scheduled."),
    EventType.REDISPATCHED: ("atropos_tasks_redispatched", "Ids that Redis had lost and that were sent again."),
}
#: What ends an attempt, and so has its duration.
ATTEMPT_ENDS = frozenset({EventType.RETRY_SCHEDULED, EventType.RESCUED, EventType.INTERRUPTED}) | ENDING_EVENTS
#: By task type, queue, and an event or a reason.
Counts = Counter[tuple[str, str, str]]
BOUNDS = [*(str(bound) for bound in BUCKETS), "+Inf"]


def expose(totals: Sequence[Total], exemplars: Mapping[ExemplarKey, Found]) -> Iterator[Metric]:
    """All counters and histograms."""
    types = sorted({(total.task_type, total.queue) for total in totals})
    events: Counts = Counter()
    reasons: Counts = Counter()
    for total in totals:
        events[total.task_type, total.queue, total.event] += total.count
        reasons[total.task_type, total.queue, total.reason] += total.count
    for event, (name, text) in EVENT_COUNTERS.items():
        family = CounterMetricFamily(name, text, labels=("task_type", "queue"))
        for labels in types:
            family.add_metric(labels, events[*labels, event])
        yield family
    yield _counter("atropos_tasks_finished", "Tasks that ended.", "outcome", types, sorted(ENDING_EVENTS), events)
    yield _counter("atropos_attempts_failed", "Attempts that failed.", "reason", types, FailureReason, reasons)
    yield _counter(
        "atropos_attempts_interrupted", "Attempts that a worker gave back.", "reason", types, ReleaseReason, reasons
    )
    started = [total for total in totals if total.event is EventType.STARTED]
    yield _histogram("atropos_task_wait_seconds", "From due to started.", "event", started, exemplars)
    # A pending task that is cancelled ran no attempt: its event has no duration.
    ran = [total for total in totals if total.event in ATTEMPT_ENDS and total.bucket >= 0]
    yield _histogram("atropos_attempt_run_seconds", "From started to its end.", "outcome", ran, exemplars)


def _by_event(total: Total) -> tuple[str, str, str]:
    return total.task_type, total.queue, total.event.value


def _counter(
    name: str, text: str, label: str, types: Iterable[tuple[str, str]], words: Iterable[str], counts: Counts
) -> CounterMetricFamily:
    """Also of what did not happen yet: `increase` misses the first event of a series that appears with it."""
    family = CounterMetricFamily(name, text, labels=("task_type", "queue", label))
    for labels, word in itertools.product(types, words):
        family.add_metric([*labels, word], counts[*labels, word])
    return family


def _histogram(
    name: str, text: str, label: str, totals: Sequence[Total], found: Mapping[ExemplarKey, Found]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=("task_type", "queue", label))
    for labels in sorted({_by_event(total) for total in totals}):
        chosen = [total for total in totals if _by_event(total) == labels]
        counts = [sum(total.count for total in chosen if total.bucket <= index) for index in range(len(BOUNDS))]
        buckets = [
            _bucket(bound, float(counts[index]), found.get((*labels, index))) for index, bound in enumerate(BOUNDS)
        ]
        family.add_metric(labels, buckets, sum_value=sum(total.seconds for total in chosen))
    return family


def _bucket(bound: str, count: float, found: Found | None) -> tuple[str, float] | tuple[str, float, Exemplar]:
    if found is None:
        return bound, count
    return bound, count, Exemplar({"trace_id": found.trace_id}, found.seconds, found.at)
