"""How a worker runs handlers, and how it makes them stop."""

import signal
from collections.abc import Iterator

import pytest

from tests.stack import Stack, wait_until


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with short graces."""
    own = Stack(tmp_path_factory.mktemp("worker"))
    try:
        yield own.start_servers().start_all()
    finally:
        own.stop()


def test_a_failing_task_is_retried_with_backoff_until_it_succeeds(workers: Stack) -> None:
    """Two failures, then success; each retry is due later, and the error stays in the history."""
    task_id = workers.submit("data_processing", parameters={"fail": 2})
    task = workers.wait_for(task_id, "completed")
    assert (task["attempt"], task["error"], task["progress"]) == (3, None, 1.0)
    assert task["result"]["rows_kept"] == 980
    expected = ["submitted", "started", "retry_scheduled", "started", "retry_scheduled", "started", "completed"]
    assert workers.events(task_id) == expected


def test_a_task_that_always_fails_ends_after_its_retries(workers: Stack) -> None:
    """Three retries are four attempts, and the error says which one was the last."""
    task = workers.wait_for(workers.submit(parameters={"fail": -1}), "failed")
    assert (task["attempt"], task["error"]["attempt"], task["error"]["type"]) == (4, 4, "SimulatedFailure")
    assert "SimulatedFailure" in task["error"]["traceback"]


def test_a_completed_task_keeps_its_last_words(workers: Stack) -> None:
    """Also those that came too soon after others to be written while it ran."""
    task = workers.wait_for(workers.submit("behave", parameters={"behaviour": "talks"}), "completed")
    assert (task["progress"], task["progress_message"]) == (1.0, "9 of 10")


def test_a_permanent_failure_is_not_retried(workers: Stack) -> None:
    """The handler knows best."""
    task = workers.wait_for(workers.submit(parameters={"fail_permanently": True}), "failed")
    assert (task["attempt"], task["error"]["reason"]) == (1, "permanent")


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [("unpicklable", "Unpicklable"), ("exits", "SystemExit"), ("huge", "ResultNotStorable"), ("object", None)],
)
def test_whatever_a_handler_does_has_a_clear_outcome(workers: Stack, behaviour: str, error: str | None) -> None:
    """What cannot be pickled, stored or caught elsewhere is an error of the task, and the worker lives on."""
    task_id = workers.submit("behave", parameters={"behaviour": behaviour}, max_retries=0)
    task = workers.wait_for(task_id, "failed")
    assert task["error"]["type"] == (error or "ResultNotStorable")
    assert workers.wait_for(workers.submit(), "completed")["attempt"] == 1


def test_a_running_task_shows_its_progress(workers: Stack) -> None:
    """Live, with the handler's words."""
    task_id = workers.submit("report_generation", parameters={"processing_time": 2})
    state = wait_until(
        lambda: found if 0 < (found := workers.http.get(f"/tasks/{task_id}/status").json())["progress"] < 1 else None
    )
    assert state["progress_message"].startswith("typesetting")
    workers.wait_for(task_id, "completed")


def test_a_running_task_is_cancelled_once_it_stopped(workers: Stack) -> None:
    """Told at the next heartbeat; `processing` until then."""
    task_id = workers.submit(parameters={"processing_time": 120})
    workers.wait_for(task_id, "processing")
    assert workers.http.post(f"/tasks/{task_id}/cancel").json()["status"] == "processing"
    workers.wait_for(task_id, "cancelled", seconds=5)
    events = workers.events(task_id)
    assert ("cancel_requested" in events, events[-1]) == (True, "cancelled")


@pytest.mark.parametrize("behaviour", ["deaf", "stubborn"])
def test_a_handler_that_does_not_listen_is_interrupted_or_killed(workers: Stack, behaviour: str) -> None:
    """A cancel ends every handler, and the slot is free again."""
    task_id = workers.submit("behave", parameters={"behaviour": behaviour})
    workers.wait_for(task_id, "processing")
    workers.http.post(f"/tasks/{task_id}/cancel")
    workers.wait_for(task_id, "cancelled", seconds=10)
    workers.wait_for(workers.submit(), "completed", seconds=20)


def test_a_timeout_is_a_failed_attempt_with_its_own_reason(workers: Stack) -> None:
    """Soft for those who listen, hard for the stubborn; retried like any failure."""
    polite = workers.submit(parameters={"processing_time": 60}, timeout_seconds=0.5, max_retries=1)
    stubborn = workers.submit("behave", parameters={"behaviour": "stubborn"}, timeout_seconds=0.5, max_retries=0)
    for task_id, attempts in ((polite, 2), (stubborn, 1)):
        task = workers.wait_for(task_id, "failed")
        assert (task["attempt"], task["error"]["reason"]) == (attempts, "timeout")


def test_nothing_lingers_unacknowledged_while_a_task_runs(workers: Stack) -> None:
    """So no visibility timeout of Celery can ever deliver a long task a second time."""
    task_id = workers.submit(parameters={"processing_time": 60})
    workers.wait_for(task_id, "processing")
    assert (workers.redis.hlen("unacked"), workers.redis.llen("default")) == (0, 0)
    assert workers.redis.zcard("atropos:running:default") == 1
    workers.http.post(f"/tasks/{task_id}/cancel")
    workers.wait_for(task_id, "cancelled")
    wait_until(lambda: workers.redis.zcard("atropos:running:default") == 0)


def test_a_draining_worker_finishes_what_fits_and_gives_the_rest_back(own_stack: Stack) -> None:
    """SIGTERM: the short task completes, the long one goes back with its attempt, the exit code is 0."""
    own_stack.start("api")
    own_stack.start("dispatcher")
    own_stack.start("worker", worker_concurrency="2")
    own_stack.wait_for_api()
    short = own_stack.submit(parameters={"processing_time": 2})
    long = own_stack.submit(parameters={"processing_time": 60})
    for task_id in (short, long):
        own_stack.wait_for(task_id, "processing")

    assert own_stack.kill("worker", signal.SIGTERM) == 0

    assert own_stack.task(short)["status"] == "completed"
    given_back = own_stack.task(long)
    assert (given_back["status"], given_back["attempt"], given_back["interruptions"]) == ("pending", 0, 1)
    assert own_stack.events(long)[-1] == "interrupted"


def test_a_stubborn_handler_does_not_outlive_the_drain(own_stack: Stack) -> None:
    """It is killed at the deadline, and its task goes back too."""
    own_stack.start_all()
    task_id = own_stack.submit("behave", parameters={"behaviour": "stubborn"})
    own_stack.wait_for(task_id, "processing")
    own_stack.kill("worker", signal.SIGTERM)
    task = own_stack.task(task_id)
    assert (task["status"], task["attempt"], task["interruptions"]) == ("pending", 0, 1)
