"""Old tasks are deleted by real dispatchers: in the background, after an end in the middle, and after a pause."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from atropos_core.retention import BATCH
from tests.integration.history import History
from tests.scrape import Observed
from tests.stack import Stack, wait_until

#: In days: about two seconds.
MOMENT = "0.00002"


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Observed]:
    """A service that keeps completed tasks for two seconds, and the others for ever."""
    stack = Stack(
        tmp_path,
        retention_completed_days=MOMENT,
        retention_failed_days="none",
        retention_cancelled_days="none",
    )
    try:
        yield Observed(stack.start_servers()).start_all("dispatcher-2")
    finally:
        stack.stop()


def test_dispatchers_delete_and_tell(observed: Observed) -> None:
    """One of two deletes in the background; counters stay exact, and asking for the task and its stream is 404."""
    stack = observed.stack
    gone = [stack.submit() for _ in range(5)]
    failed = stack.submit(parameters={"fail_permanently": True})
    stack.wait_for(failed, "failed")
    wait_until(lambda: stack.sql("SELECT count(*) FROM tasks")[0][0] == 1, what="the tasks to be deleted")
    assert stack.sql("SELECT DISTINCT task_id::text FROM events") == [(failed,)]
    scrape = observed.totals()
    assert scrape.sum("atropos_tasks_submitted_total") == 6
    assert scrape.sum("atropos_tasks_finished_total", outcome="completed") == 5
    deleted = [observed.scrape(name).sum("atropos_retention_deleted_total") for name in observed.dispatchers()]
    assert sum(deleted) == 5
    wait_until(lambda: observed.scrape(observed.leaders()[0]).sum("atropos_retention_behind_seconds") < 5)
    for path in ("", "/status", "/events", "/logs", "/result"):
        assert stack.http.get(f"/tasks/{gone[0]}{path}").status_code == 404
    reconnect = stack.http.get(f"/tasks/{gone[0]}/events", headers={"Last-Event-ID": "1"})
    assert reconnect.json()["type"] == "urn:atropos:problem:task-not-found"


def test_a_dispatcher_that_deletes_ends_at_once(own_stack: Stack) -> None:
    """SIGTERM in the middle of a backlog: it is gone within a second or two, and what is left is whole."""
    history = History(own_stack)
    history.many(100_000)
    history.ended(days=1)
    history.add_up()
    own_stack.start("dispatcher", retention_completed_days="5")
    wait_until(lambda: own_stack.sql("SELECT count(*) < 100001 FROM tasks")[0][0], what="the first batch")
    assert own_stack.kill("dispatcher", signal.SIGTERM) == 0
    assert 1 < own_stack.sql("SELECT count(*) FROM tasks")[0][0] < 100_001


def test_the_next_dispatcher_catches_up(own_stack: Stack) -> None:
    """What piled up while none ran is deleted, while new tasks are handed out."""
    history = History(own_stack)
    history.many(20 * BATCH)
    observed = Observed(own_stack).start_all(retention_completed_days="5")
    own_stack.wait_for(own_stack.submit(), "completed")
    wait_until(lambda: own_stack.sql("SELECT count(*) FROM tasks")[0][0] == 1, seconds=60)
    with httpx.Client() as client:
        assert client.get(own_stack.api_url + "/health").json()["status"] == "ok"
    assert observed.scrape("dispatcher").sum("atropos_retention_deleted_total", state="completed") == 20 * BATCH
