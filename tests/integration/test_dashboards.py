"""A real Prometheus is asked every query of the dashboards after the real service went through everything."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import burst
from tests.dashboards import FILES, Query, queries
from tests.prometheus import NAMESPACE, Neighbours, Prometheus, require_prometheus
from tests.scrape import Observed
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)

#: Values of variables. The window holds several scrapes, as Grafana's own does.
VALUES = {"namespace": NAMESPACE, "queue": ".*", "__rate_interval": "10s", "__range": "5m"}
#: Types of tasks in the run.
TYPES = ["default", "data_processing"]
#: Of a healthy service these may stay zero all the time.
QUIET = {"Event log behind", "Worker loops", "Age of the last round"}
ALL_QUERIES = [query for path in FILES for query in queries(path)]


class Run(NamedTuple):
    """What the tests look at."""

    observed: Observed
    prometheus: Prometheus


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Everything happened, the leader was killed, and Prometheus saw it all."""
    require_prometheus()
    directory: Path = tmp_path_factory.mktemp("dashboards")
    stack, neighbours = Stack(directory, worker_max_tasks_per_child="12"), Neighbours()
    prometheus: Prometheus | None = None
    try:
        observed = Observed(stack.start_servers()).start_all("dispatcher-2")
        # The counters of a type are there from its first task on.
        for task_type in TYPES:
            stack.wait_for(stack.submit(task_type), "completed")
        observed.totals()
        prometheus = Prometheus(directory / "prometheus", observed.ports, neighbours)
        prometheus.wait_for("sum(atropos_tasks_finished_total)", lambda ended: ended == 2)
        _go_through_everything(observed, prometheus)
        yield Run(observed, prometheus)
    finally:
        if prometheus is not None:
            prometheus.stop()
        neighbours.stop()
        stack.stop()


def _go_through_everything(observed: Observed, prometheus: Prometheus) -> None:
    burst.everything(observed)
    _see_a_worker_drain(observed, prometheus)
    ended = observed.totals().sum("atropos_tasks_finished_total")
    prometheus.wait_for("sum(atropos_tasks_finished_total)", lambda seen: seen == ended)
    (leader,) = observed.leaders()
    observed.stack.kill(leader)
    wait_until(observed.leaders, what="another leader")
    burst.ends(observed.stack)
    ended = observed.totals().sum("atropos_tasks_finished_total")
    prometheus.wait_for("sum(atropos_tasks_finished_total)", lambda seen: seen == ended)


def _see_a_worker_drain(observed: Observed, prometheus: Prometheus) -> None:
    """Prometheus sees it drain, with tasks that wait behind the one it still runs."""
    stack = observed.stack
    observed.start("worker-2", drain_seconds="60")
    drained = stack.processes["worker-2"]
    stack.kill("worker")
    task_ids = [stack.submit(parameters={"processing_time": 60}) for _ in range(2)]
    wait_until(lambda: [stack.task(task_id)["status"] for task_id in task_ids].count("processing") == 1)
    drained.terminate()
    prometheus.wait_for('sum(atropos_workers_live{draining="true"})', lambda count: count == 1)
    prometheus.wait_for('sum(atropos_queue_tasks{state="pending"})', lambda count: count == 1)
    observed.start("worker")
    for task_id in task_ids:
        burst.cancel(stack, task_id)


def _numbers(run: Run, expression: str) -> list[float]:
    texts = [text for series in run.prometheus.history(expression) for _, text in series["values"]]
    return [number for number in map(float, texts) if math.isfinite(number)]


@pytest.mark.parametrize("query", ALL_QUERIES, ids=lambda query: f"{query.dashboard}: {query.place}")
def test_no_panel_stays_empty(run: Run, query: Query) -> None:
    """Every query of a panel, an annotation or a variable finds something that happened to one of the types."""
    types = TYPES if query.dashboard == "task-type" else [".*"]
    numbers = [number for each in types for number in _numbers(run, query.filled(VALUES | {"task_type": each}))]
    assert numbers, query
    assert query.place in QUIET or any(numbers), query


def test_series_outlive_the_leader(run: Run) -> None:
    """Another dispatcher goes on with the same series, so no `rate` sees a reset."""
    series = run.prometheus.history("atropos_tasks_finished_total")
    labels = [tuple(sorted(each["metric"].items())) for each in series]
    assert max(Counter(labels).values()) == 1
    assert {"namespace", "queue", "task_type", "outcome", "__name__"} == set(series[0]["metric"])
    since = f"{math.ceil(time.time() - run.prometheus.started)}s"
    resets = run.prometheus.ask("query", query=f"resets(atropos_tasks_finished_total[{since}])")["result"]
    assert {each["value"][1] for each in resets} == {"0"}


def test_prometheus_counts_what_the_database_counts(run: Run) -> None:
    """The last sample of the totals is exact."""
    for outcome in ("completed", "failed", "cancelled"):
        counted = run.observed.stack.sql("SELECT count(*) FROM events WHERE type = %s", outcome)[0][0]
        assert run.prometheus.now(f'sum(atropos_tasks_finished_total{{outcome="{outcome}"}})') == counted


def test_exemplars_arrive(run: Run) -> None:
    """Prometheus keeps the trace of a task, which Grafana shows as a dot."""
    for name in ("atropos_task_wait_seconds_bucket", "atropos_attempt_run_seconds_bucket"):
        window = {"start": run.prometheus.started, "end": time.time()}
        found = run.prometheus.ask("query_exemplars", query=name, **window)
        traces = {exemplar["labels"]["trace_id"] for each in found for exemplar in each["exemplars"]}
        assert burst.TRACE_ID in traces, name


def test_a_worker_and_a_dispatcher_have_their_pods(run: Run) -> None:
    """What a process tells of itself is known by its pod."""
    found = {each["metric"]["pod"] for each in run.prometheus.history("atropos_worker_memory_bytes")}
    assert found == {"worker"}
    found = {each["metric"]["pod"] for each in run.prometheus.history("atropos_dispatcher_round_age_seconds")}
    assert found == {"dispatcher", "dispatcher-2"}
