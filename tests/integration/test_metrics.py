"""What the real processes tell Prometheus, against docs/metrics.md and against the database."""

from collections.abc import Iterator

import httpx
import pytest

from atropos_worker.totals_exposition import ATTEMPT_ENDS
from tests import burst
from tests.metrics_page import documented
from tests.scrape import LIBRARY, Observed, Scrape, by_labels
from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(240)

#: Totals by the labels that tell their series apart, and the same counted in the database.
COUNTERS = {
    ("atropos_tasks_submitted_total",): "SELECT task_type, queue, count(*) FROM tasks GROUP BY 1, 2",
    ("atropos_tasks_finished_total", "outcome"): """
        SELECT task_type, queue, type, count(*) FROM events JOIN tasks ON tasks.id = task_id
        WHERE type IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2, 3""",
    ("atropos_attempts_failed_total", "reason"): """
        SELECT task_type, queue, events.data #>> '{error,reason}', count(*)
        FROM events JOIN tasks ON tasks.id = task_id WHERE events.data ? 'error' GROUP BY 1, 2, 3""",
    ("atropos_attempts_interrupted_total", "reason"): """
        SELECT task_type, queue, events.data ->> 'reason', count(*)
        FROM events JOIN tasks ON tasks.id = task_id WHERE type = 'interrupted' GROUP BY 1, 2, 3""",
    **{
        (name,): f"""
        SELECT task_type, queue, count(*) FROM events JOIN tasks ON tasks.id = task_id
        WHERE type = '{event}' GROUP BY 1, 2"""
        for name, event in {
            "atropos_tasks_retried_total": "retried",
            "atropos_tasks_redispatched_total": "redispatched",
            "atropos_attempts_started_total": "started",
            "atropos_attempts_retried_total": "retry_scheduled",
            "atropos_attempts_rescued_total": "rescued",
        }.items()
    },
}
HISTOGRAMS = {
    ("atropos_task_wait_seconds", "event"): ["started"],
    ("atropos_attempt_run_seconds", "outcome"): list(ATTEMPT_ENDS),
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A service to which everything happened: leave it as you found it."""
    stack = Stack(tmp_path_factory.mktemp("metrics"))
    try:
        observed = Observed(stack.start_servers()).start_all("dispatcher-2")
        burst.everything(observed)
        yield observed
    finally:
        stack.stop()


@pytest.fixture
def observed(own_stack: Stack) -> Observed:
    """Servers with a schema and no processes, whose ports of metrics will be known."""
    return Observed(own_stack)


def assert_totals_are_exact(stack: Stack, scrape: Scrape) -> None:
    """Each counter and the count of each histogram is what the database counts, to the task."""
    for (name, *label), query in COUNTERS.items():
        counted = {tuple(row[:-1]): row[-1] for row in stack.sql(query.replace("%", "%%"))}
        assert counted, name
        assert by_labels(scrape.samples(name), "task_type", "queue", *label) == counted, name
    for (name, label), events in HISTOGRAMS.items():
        query = """SELECT task_type, queue, type, count(*) FROM events JOIN tasks ON tasks.id = task_id
                   WHERE type = ANY(%s) AND events.data ? 'seconds' GROUP BY 1, 2, 3"""
        counted = {tuple(row[:-1]): row[-1] for row in stack.sql(query, events)}
        assert by_labels(scrape.samples(f"{name}_count"), "task_type", "queue", label) == counted, name


@pytest.mark.parametrize(
    ("process", "sections"),
    [
        ("api", {"API"}),
        ("worker", {"Workers"}),
        ("dispatcher", {"Tasks and queues", "Dispatchers"}),
    ],
)
def test_the_page_tells_what_is_served(busy: Observed, process: str, sections: set[str]) -> None:
    """Names, types and labels of docs/metrics.md are those of the processes."""
    scrape = busy.totals() if process == "dispatcher" else busy.scrape(process)
    expected = {name: row for name, row in documented().items() if row.section in sections}
    served = {name: family for name, family in scrape.families.items() if not name.startswith(LIBRARY)}
    assert expected.keys() == served.keys()
    for name, family in served.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert (expected[name].kind, expected[name].labels) == (family.type, labels), name


def test_what_the_page_leaves_out_is_the_client_librarys(busy: Observed) -> None:
    """Every process tells of itself too."""
    for process in ("api", "worker", "dispatcher"):
        assert busy.scrape(process).sum("process_resident_memory_bytes") > 0


def test_totals_are_those_of_the_database(busy: Observed) -> None:
    """After successes, failures, retries, cancels, a lost worker, a drain and a wiped Redis."""
    assert_totals_are_exact(busy.stack, busy.totals())


def test_totals_are_known_before_anything_happened(busy: Observed) -> None:
    """All outcomes and reasons of a task type are there, with 0: `increase` sees the first event too."""
    scrape = busy.totals()
    reasons = {sample.labels["reason"] for sample in scrape.samples("atropos_attempts_failed_total")}
    assert reasons == {"error", "permanent", "timeout", "worker_lost"}
    assert len(list(scrape.samples("atropos_attempts_failed_total", task_type="data_processing"))) == 4
    assert len(list(scrape.samples("atropos_tasks_finished_total", task_type="data_processing"))) == 3
    assert len(list(scrape.samples("atropos_attempts_rescued_total"))) == 2


def test_one_dispatcher_tells_of_tasks(busy: Observed) -> None:
    """The other one says that it does not lead, and nothing of tasks."""
    busy.totals()
    leader = busy.leaders()
    assert len(leader) == 1
    (other,) = set(busy.dispatchers()) - set(leader)
    told = {name for name in busy.scrape(other).families if not name.startswith(LIBRARY)}
    rows = documented().values()
    assert {row.name for row in rows if row.section == "Dispatchers"} | {"atropos_dispatcher_leader"} == told


def test_buckets_add_up(busy: Observed) -> None:
    """The buckets of each histogram only grow, the last one is its count, and its sum is the database's."""
    scrape = busy.totals()
    for name, label in HISTOGRAMS:
        for count in list(scrape.samples(f"{name}_count")):
            buckets = [sample.value for sample in scrape.samples(f"{name}_bucket", **count.labels)]
            assert buckets == sorted(buckets)
            assert (len(buckets), buckets[-1]) == (17, count.value)
            query = """SELECT sum((events.data ->> 'seconds')::float) FROM events JOIN tasks ON tasks.id = task_id
                       WHERE task_type = %s AND type = %s"""
            seconds = busy.stack.sql(query, count.labels["task_type"], count.labels[label])[0][0]
            assert scrape.sum(f"{name}_sum", **count.labels) == pytest.approx(float(seconds), abs=1e-3)


def test_buckets_hold_their_durations(busy: Observed) -> None:
    """A bucket counts what lasted at most as long as its bound."""
    scrape = busy.totals()
    query = """SELECT count(*) FROM events JOIN tasks ON tasks.id = task_id
               WHERE task_type = 'default' AND type = 'completed' AND (events.data ->> 'seconds')::float <= %s"""
    labels = {"task_type": "default", "outcome": "completed"}
    for bucket in scrape.samples("atropos_attempt_run_seconds_bucket", **labels):
        bound = float(bucket.labels["le"])
        assert busy.stack.sql(query, bound)[0][0] == bucket.value, bound


@pytest.mark.parametrize("name", ["atropos_task_wait_seconds", "atropos_attempt_run_seconds"])
def test_exemplars_lead_to_traces(busy: Observed, name: str) -> None:
    """A bucket with a traced task names its trace and its duration, which is in the bucket."""
    told = [sample for sample in busy.totals().samples(f"{name}_bucket") if sample.exemplar]
    (sample,) = [each for each in told if each.exemplar.labels == {"trace_id": burst.TRACE_ID}]
    assert 0 < sample.exemplar.value <= float(sample.labels["le"])
    assert sample.exemplar.timestamp is not None


def test_plain_text_for_others(busy: Observed) -> None:
    """Whoever does not ask for OpenMetrics gets Prometheus' text format, from every process."""
    for port in (busy.ports[name] for name in ("api", "worker", "dispatcher")):
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "# EOF" not in answer.text


def test_requests_are_counted_by_the_template_of_their_route(busy: Observed) -> None:
    """No task id becomes a label, and neither probes nor the scrape itself are counted."""
    scrape = busy.scrape("api")
    handlers = {sample.labels["handler"] for sample in scrape.samples("http_requests_total")}
    assert {"/tasks", "/tasks/batch", "/tasks/{task_id}", "/tasks/{task_id}/cancel"} <= handlers
    assert not handlers & {"/metrics", "/livez", "/readyz", "/health"}
    assert not any(task_id in "".join(handlers) for (task_id,) in busy.stack.sql("SELECT id::text FROM tasks"))
    before = scrape.sum("http_requests_total", handler="/tasks/{task_id}", method="GET", status="404")
    busy.stack.http.get("/tasks/00000000-0000-7000-8000-000000000000")
    busy.stack.http.get("/nowhere/at-all")
    after = busy.scrape("api")
    assert after.sum("http_requests_total", handler="/tasks/{task_id}", method="GET", status="404") == before + 1
    assert not list(after.samples("http_requests_total", handler="/nowhere/at-all"))


def test_totals_go_on_with_another_leader(observed: Observed) -> None:
    """Exactly one dispatcher leads; when it dies the other one does, and the totals are still exact."""
    observed.start_all("dispatcher-2")
    wait_until(lambda: observed.stack.health()["dispatchers"] == 2)
    wait_until(lambda: len(observed.leaders()) == 1)
    burst.ends(observed.stack)
    before = observed.totals()
    (leader,) = observed.leaders()
    observed.stack.kill(leader)
    (other,) = observed.dispatchers()
    burst.ends(observed.stack)
    wait_until(lambda: observed.leaders() == [other], seconds=10, what="the other dispatcher to lead")
    after = observed.totals()
    counted = observed.stack.sql("SELECT count(*) FROM tasks")[0][0]
    assert after.sum("atropos_tasks_submitted_total") == counted
    for name in ("atropos_tasks_finished_total", "atropos_attempts_failed_total", "atropos_attempts_started_total"):
        assert after.sum(name) == 2 * before.sum(name), name


def test_the_very_first_event_is_counted(observed: Observed) -> None:
    """A dispatcher that added up an empty event log has not passed the event that comes next."""
    observed.start_all()
    wait_until(lambda: observed.stack.sql("SELECT 1 FROM event_cursors WHERE reader = 'statistics'"))
    observed.stack.wait_for(observed.stack.submit(), "completed")
    scrape = observed.totals()
    for name in ("atropos_tasks_submitted_total", "atropos_attempts_started_total", "atropos_tasks_finished_total"):
        assert scrape.sum(name) == 1, name


def test_queues_while_tasks_wait(observed: Observed) -> None:
    """Without a free slot: what runs, what is due, what is scheduled, what Redis holds, and for how long."""
    stack = observed.stack
    observed.start_all()
    running = stack.submit(parameters={"processing_time": 120})
    stack.wait_for(running, "processing")
    for _ in range(3):
        stack.submit()
    stack.submit(delay_seconds=3600)
    wait_until(lambda: stack.redis.llen("default") == 3)
    leader = observed.scrape(observed.leaders()[0])
    states = by_labels(leader.samples("atropos_queue_tasks", queue="default"), "state")
    assert states == {("pending",): 3, ("scheduled",): 1, ("processing",): 1}
    assert leader.sum("atropos_queue_dispatched") == leader.sum("atropos_queue_window") == 3
    assert leader.sum("atropos_queue_running", queue="default") == 1
    assert 0 < leader.sum("atropos_queue_oldest_seconds", queue="default") < 60
    assert leader.sum("atropos_workers_live", queue="default", draining="false") == 1
    worker = observed.scrape("worker")
    assert (worker.sum("atropos_worker_slots"), worker.sum("atropos_worker_busy_slots")) == (1, 1)


def test_a_worker_tells_that_it_drains(observed: Observed) -> None:
    """In its own metrics at once, and in the leader's as soon as it reported it."""
    observed.stack.overrides["drain_seconds"] = "30"
    observed.start_all()
    task_id = observed.stack.submit(parameters={"processing_time": 120})
    observed.stack.wait_for(task_id, "processing")
    observed.stack.processes["worker"].terminate()
    wait_until(lambda: observed.scrape("worker").sum("atropos_worker_draining") == 1)
    leader = observed.leaders()[0]
    wait_until(lambda: observed.scrape(leader).sum("atropos_workers_live", draining="true") == 1)
    assert observed.scrape(leader).sum("atropos_workers_slots", draining="true") == 1
