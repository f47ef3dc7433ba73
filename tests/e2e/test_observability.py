"""A burst with a failing type and a killed worker: Prometheus agrees with the database, and Jaeger has each trace."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import cluster
from tests.e2e.cluster import Api
from tests.e2e.prometheus import Prometheus
from tests.stack import wait_until

JAEGER = f"/api/v1/namespaces/{cluster.NAMESPACE}/services/jaeger:query/proxy/api/traces"
HOPS = ["claim", "handler default", "settle"]


@pytest.fixture(scope="module")
def release(namespace: str) -> str:
    """The chart with Jaeger beside it."""
    cluster.upgrade("--values", "tests/e2e/values-tracing.yaml")
    return cluster.RELEASE


@pytest.fixture(scope="module")
def prometheus(release: str) -> Iterator[Prometheus]:
    """Reads the release's pods."""
    if shutil.which("prometheus") is None:
        pytest.skip("there is no `prometheus` on the PATH: apt install prometheus")
    with Prometheus() as found:
        yield found


class Burst:
    """The tasks by what should come of them."""

    def __init__(self, api: Api) -> None:
        api.warm_up(3)
        self.killed = api.submit(3, parameters={"processing_time": 20})
        api.wait_until_running(self.killed)
        self.failing = api.submit(5, task_type="report_generation", parameters={"fail": -1}, max_retries=1)
        self.retried = api.submit(5, parameters={"fail": 1})
        self.quick = api.submit(60, parameters={"processing_time": 0.2})
        cluster.kill_on_node("atropos_worker$")
        self.tasks = {
            task["task_id"]: task
            for task in api.wait_for_all(self.killed + self.failing + self.retried + self.quick, seconds=300)
        }


@pytest.fixture(scope="module")
def burst(release: str, prometheus: Prometheus) -> Burst:
    """Ended, once for all tests here."""
    api = Api()
    wait_until(api.is_ready, what="a ready API", seconds=120)
    return Burst(api)


def _database(statement: str) -> dict[tuple[str, ...], float]:
    """Rows of a statement whose last column is a count, asked in the pod of PostgreSQL."""
    secret = ("get", "secret", "atropos-postgresql", "--output=go-template={{.data.password | base64decode}}")
    command = ("psql", "--host=127.0.0.1", "--username=atropos", "--csv", "--tuples-only", "--command", statement)
    password = f"PGPASSWORD={cluster.kubectl(*secret)}"
    lines = cluster.kubectl("exec", "atropos-postgresql-0", "--", "env", password, *command, "atropos").splitlines()
    rows = [line.split(",") for line in lines if line]
    return {tuple(row[:-1]): float(row[-1]) for row in rows}


@pytest.mark.parametrize(
    ("query", "statement"),
    [
        (
            "max by (outcome, task_type) (atropos_tasks_finished_total) > 0",
            "SELECT status, task_type, count(*) FROM tasks WHERE finished_at IS NOT NULL GROUP BY 1, 2",
        ),
        (
            "max by (task_type) (atropos_attempts_started_total) > 0",
            "SELECT task_type, count(*) FROM events JOIN tasks ON tasks.id = task_id WHERE type = 'started' GROUP BY 1",
        ),
        (
            "max by (reason, task_type) (atropos_attempts_failed_total) > 0",
            "SELECT data #>> '{error,reason}', task_type, count(*) FROM events JOIN tasks ON tasks.id = task_id"
            " WHERE data #>> '{error,reason}' IS NOT NULL GROUP BY 1, 2",
        ),
    ],
    ids=["finished", "started", "failed"],
)
def test_totals_are_those_of_the_database(query: str, statement: str, prometheus: Prometheus, burst: Burst) -> None:
    """To the task, once the last scrape has come."""
    expected = _database(statement)
    assert expected
    wait_until(lambda: prometheus.query(query) == expected, what=f"{query} to be {expected}")


class Trace:
    """A trace as Jaeger's query API tells it."""

    def __init__(self, task: dict[str, Any]) -> None:
        (found,) = json.loads(cluster.kubectl("get", "--raw", f"{JAEGER}/{task['trace_id']}"))["data"]
        self.spans, self.processes = found["spans"], found["processes"]
        self.task_id = task["task_id"]

    def named(self, name: str) -> list[dict[str, Any]]:
        return sorted(
            (span for span in self.spans if span["operationName"] == name), key=lambda span: span["startTime"]
        )

    def attempts(self) -> list[dict[str, Any]]:
        """The spans of the task's attempts."""
        return [span for span in self.named("attempt default") if _tags(span)["atropos.task_id"] == self.task_id]

    def parent(self, span: dict[str, Any]) -> dict[str, Any]:
        """The span above, which may arrive later; nothing until then."""
        parents = {
            reference["spanID"] for reference in span.get("references", []) if reference["refType"] == "CHILD_OF"
        }
        return next((other for other in self.spans if other["spanID"] in parents), {})

    def links(self, span: dict[str, Any]) -> list[str]:
        return [ref["spanID"] for ref in span["references"] if ref["refType"] == "FOLLOWS_FROM"]

    def service(self, span: dict[str, Any]) -> str:
        name: str = self.processes[span["processID"]]["serviceName"]
        return name

    def below(self, span: dict[str, Any]) -> list[str]:
        """Names of the hops below an attempt."""
        return [hop for hop in HOPS for found in self.named(hop) if self.parent(found) is span]

    def is_whole(self, attempts: int) -> bool:
        """Whether the spans of that many attempts have arrived, with what is above and below each."""
        found = self.attempts()
        below = all(self.below(attempt) == HOPS for attempt in found)
        return len(found) == attempts and below and all(self.parent(self.parent(attempt)) for attempt in found)


def _tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def _trace(task: dict[str, Any], attempts: int) -> Trace:
    """The trace, once the spans of that many attempts have arrived with all their hops."""

    def look() -> Trace | None:
        try:
            trace = Trace(task)
        except cluster.CommandFailed:
            return None  # Jaeger answers 404 until the first span has come
        return trace if trace.is_whole(attempts) else None

    return wait_until(look, what=f"a whole trace of {task}", seconds=60)


def _check_hops(trace: Trace, attempt: dict[str, Any]) -> None:
    dispatch = trace.parent(attempt)
    request = trace.parent(dispatch)
    hops = [(span["operationName"], trace.service(span)) for span in (attempt, dispatch, request)]
    assert hops == [
        ("attempt default", "atropos-worker"),
        ("dispatch default", "atropos-dispatcher"),
        ("POST /tasks/batch", "atropos-api"),
    ]


def test_a_first_try_has_all_hops(burst: Burst) -> None:
    """Request, dispatch, attempt, claim, handler and outcome, through three services."""
    trace = _trace(burst.tasks[burst.quick[-1]], attempts=1)
    (attempt,) = trace.attempts()
    _check_hops(trace, attempt)


def test_a_retry_links_to_the_attempt_before(burst: Burst) -> None:
    """Both attempts are in the trace, each below its own dispatch."""
    trace = _trace(burst.tasks[burst.retried[0]], attempts=2)
    first, second = trace.attempts()
    for attempt in (first, second):
        _check_hops(trace, attempt)
    assert trace.links(second) == [first["spanID"]]


def test_a_rescued_task_links_to_the_lost_attempt(burst: Burst) -> None:
    """The span of the killed attempt died with its worker; the next attempt is there, and names it."""
    task = burst.tasks[burst.killed[0]]
    assert task["attempt"] == 2
    trace = _trace(task, attempts=1)
    (attempt,) = trace.attempts()
    _check_hops(trace, attempt)
    assert len(trace.links(attempt)) == 1
