"""Async handlers: the same rules as for others, and told to stop they are cancelled at their await."""

import signal
from typing import Any

import pytest

from tests.stack import Stack, wait_until


def napping(stack: Stack, **request: Any) -> str:
    """A task whose handler sleeps by now."""
    task_id = stack.submit("nap", **request)
    wait_until(lambda: stack.http.get(f"/tasks/{task_id}/logs").json()["lines"], what="the handler to begin")
    return task_id


def messages(stack: Stack, task_id: str) -> list[str]:
    return [line["message"] for line in stack.http.get(f"/tasks/{task_id}/logs").json()["lines"]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"seconds": 0.01}, ("completed", "slept", None)),
        ({"how": "fails"}, ("failed", None, "Permanent")),
        ({"how": "cancels itself"}, ("failed", None, "CancelledError")),
    ],
)
def test_its_end_is_the_task_s(stack: Stack, parameters: dict[str, Any], expected: tuple[str, Any, Any]) -> None:
    """What it returns is the result, what it raises the error; a cancel that nobody asked for is an error."""
    ended = stack.wait_for(stack.submit("nap", parameters=parameters), "completed", "failed")
    assert (ended["status"], ended["result"], (ended["error"] or {}).get("type")) == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("", ("cancelled", None, ["naps", "cleaned up"])),
        ("finishes", ("completed", "finished all the same", ["naps"])),
        ("blocks", ("cancelled", None, ["naps"])),
        ("stubborn", ("cancelled", None, ["naps"])),
    ],
)
def test_a_cancel_arrives(stack: Stack, how: str, expected: tuple[str, Any, list[str]]) -> None:
    """At its await, where it may clean up or finish; one that does not listen is interrupted, and killed in the end."""
    task_id = napping(stack, parameters={"how": how})
    stack.http.post(f"/tasks/{task_id}/cancel")
    ended = stack.wait_for(task_id, "completed", "failed", "cancelled")
    assert (ended["status"], ended["result"], messages(stack, task_id)) == expected


def test_a_timeout_ends_it(stack: Stack) -> None:
    """It is cancelled when its time is over."""
    ended = stack.wait_for(stack.submit("nap", timeout_seconds=0.3), "failed", "completed")
    assert ended["error"]["reason"] == "timeout"


def test_a_drain_gives_it_back(own_stack: Stack) -> None:
    """The attempt does not count, and another worker starts it again."""
    own_stack.start_all()
    task_id = napping(own_stack)
    own_stack.kill("worker", signal.SIGTERM)
    found = own_stack.task(task_id)
    assert (found["status"], found["attempt"], found["interruptions"]) == ("pending", 0, 1)
    assert messages(own_stack, task_id) == ["naps", "cleaned up"]
