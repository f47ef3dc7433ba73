"""An API process that is asked to stop: it serves on until its clients have gone elsewhere."""

import signal

import httpx
import pytest

from tests.stack import Stack, wait_until

#: Longer than any test here waits.
LONG = "600"


def _ask_to_stop(stack: Stack, number: signal.Signals) -> None:
    stack.processes["api"].send_signal(number)


def _says_close(client: httpx.Client) -> bool:
    return client.get("/livez").headers.get("connection") == "close"


@pytest.fixture
def serving(own_stack: Stack) -> Stack:
    """An API that drains for long."""
    own_stack.start("api", api_drain_seconds=LONG)
    own_stack.wait_for_api()
    return own_stack


def test_a_drain_takes_requests_over_old_and_new_connections(serving: Stack) -> None:
    """Nobody is refused: who keeps a connection is told to close it, who comes anew is served."""
    assert not _says_close(serving.http)
    _ask_to_stop(serving, signal.SIGTERM)
    wait_until(lambda: _says_close(serving.http), what="answers that close their connection")
    with httpx.Client(base_url=serving.api_url) as new:
        assert new.post("/tasks", json={"task_type": "default"}).status_code == 202
        assert new.get("/readyz").status_code == 200


def test_a_drain_ends_with_its_time(own_stack: Stack) -> None:
    """Then the process is gone, and streams have ended as they should, in the middle of their tasks."""
    own_stack.start("api", api_drain_seconds="2")
    own_stack.wait_for_api()
    task_id = own_stack.submit()
    with own_stack.http.stream("GET", f"/tasks/{task_id}/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        assert own_stack.kill("api", signal.SIGTERM) == -signal.SIGTERM
        list(lines)  # raises if the stream was cut off
    log = own_stack.log("api")
    assert log.index("atropos.api.draining") < log.index("atropos.api.stopping")


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM, signal.SIGINT], [signal.SIGTERM] * 2])
def test_a_person_need_not_wait_for_the_drain(numbers: list[signal.Signals], serving: Stack) -> None:
    """Ctrl-C ends it at once, and so does a second signal."""
    for number in numbers[:-1]:
        _ask_to_stop(serving, number)
        wait_until(lambda: "atropos.api.draining" in serving.log("api"), what="the drain")
    serving.kill("api", numbers[-1])
    assert "Application shutdown complete" in serving.log("api")
