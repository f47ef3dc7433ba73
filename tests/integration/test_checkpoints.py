"""What a handler keeps for its next attempt, whatever ends the one before."""

import json
import signal
from pathlib import Path

import pytest

from atropos_core import checkpoints, tasks
from tests.domain import FAILURE, Domain
from tests.stack import Stack, wait_until


def steps(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize(("then", "attempts"), [("fail", 4), ("die", 4)])
def test_the_next_attempt_goes_on(own_stack: Stack, tmp_path: Path, then: str, attempts: int) -> None:
    """After a failure and after the death of its process, each step is made once."""
    own_stack.start_all()
    path = tmp_path / "steps"
    task_id = own_stack.submit("count", parameters={"then": then, "path": str(path)})
    ended = own_stack.wait_for(task_id, "completed", "failed", seconds=60)
    assert ended["result"] == {"counted": 3, "attempt": attempts}, ended["error"]
    assert steps(path) == ["1", "2", "3"]


def test_a_drain_keeps_it(own_stack: Stack, tmp_path: Path) -> None:
    """The attempt that is given back has left its checkpoint."""
    own_stack.start_all()
    path = tmp_path / "steps"
    task_id = own_stack.submit("count", parameters={"to": 2, "then": "wait", "path": str(path)})
    wait_until(lambda: steps(path) == ["1"], what="the first step")
    own_stack.kill("worker", signal.SIGTERM)
    own_stack.start("worker")
    wait_until(lambda: steps(path) == ["1", "2"], what="the second step")
    assert own_stack.task(task_id)["interruptions"] == 1


@pytest.mark.parametrize(("size", "expected"), [(1000, "taken"), (300_000, "The checkpoint takes 300,002 bytes")])
def test_its_size_is_bounded(stack: Stack, size: int, expected: str) -> None:
    """A larger one is refused in the handler, which may go on."""
    task_id = stack.submit("check", parameters={"size": size})
    assert stack.wait_for(task_id, "completed", "failed")["result"].startswith(expected)


def test_a_zombie_keeps_nothing(domain: Domain) -> None:
    """The checkpoint of a claim that holds no more is refused, and the owner's stays."""
    task = domain.submitted()
    zombie = domain.claimed(task.id)
    assert domain.do(lambda session: checkpoints.keep(session, zombie, '"old"'))
    domain.do(lambda session: tasks.release(session, zombie))
    owner = domain.claimed(task.id)
    assert domain.do(lambda session: checkpoints.last(session, task.id)) == "old"
    assert domain.do(lambda session: checkpoints.keep(session, owner, json.dumps({"row": 5})))
    assert not domain.do(lambda session: checkpoints.keep(session, zombie, '"late"'))
    assert domain.do(lambda session: checkpoints.last(session, task.id)) == {"row": 5}


def test_a_person_s_retry_keeps_it(domain: Domain) -> None:
    """What failed for good goes on where it was."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    domain.do(lambda session: checkpoints.keep(session, claim, "7"))
    domain.do(lambda session: tasks.fail(session, claim, FAILURE))
    domain.do(lambda session: tasks.retry(session, [task.id]))
    assert domain.do(lambda session: checkpoints.last(session, task.id)) == 7
