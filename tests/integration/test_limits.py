"""Limits on how many tasks of a key run at once, and how fast those of a type start."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core import limits, tasks
from atropos_core.lifecycle import HELD_UNTIL, TaskStatus
from atropos_core.models import Task
from tests.domain import FAILURE, Domain, claim, complete, held_open
from tests.stack import Stack, wait_until


@pytest.fixture
def line(servers: Stack) -> "Line":
    """An empty database."""
    servers.sql("TRUNCATE tasks, events, rate_buckets")
    return Line(servers)


class Line(Domain):
    """Tasks with limits, and what a dispatcher does with them."""

    def keyed(self, key: str = "t a", *, at_once: int = 2, count: int = 1, **draft: Any) -> list[UUID]:
        made = {"key": key, "at_once": at_once}
        return [self.submitted(limits=made, **draft).id for _ in range(count)]

    def rated(self, per_second: float, count: int) -> list[UUID]:
        return [self.submitted(limits={"rate": "t", "per_second": per_second}).id for _ in range(count)]

    def dispatched(self, room: int = 200) -> list[UUID]:
        """The ids that one round hands out."""
        self.do(lambda session: limits.release(session, "default"))
        return self.do(lambda session: hand_out(session, room))

    def held(self) -> list[UUID]:
        with self.database.transaction() as session:
            found = session.query(Task).filter(Task.run_at == HELD_UNTIL).order_by(Task.id)
            return [task.id for task in found]


def hand_out(session: Session, room: int = 200) -> list[UUID]:
    due = tasks.dispatch(session, "default", room=room)
    held = limits.hold(session, due)
    return [task.id for task in due if task.id not in held]


def test_no_more_than_the_limit_are_handed_out(line: Line) -> None:
    """The others are held, still pending, and are told why; their time is the one that they had."""
    first, second, third = line.keyed(count=3)
    before = line.task(third).run_at
    assert line.dispatched() == [first, second]
    held = line.task(third)
    assert (held.status, held.dispatched_at, held.due_at) == (TaskStatus.PENDING, None, before)
    assert limits.waiting_for(held) == "At most 2 tasks run at once with the concurrency key 'a'."
    assert limits.waiting_for(line.task(first)) is None
    assert line.dispatched() == []


ENDS: dict[str, Callable[[Session, Any], object]] = {
    "complete": lambda s, c: complete(s, c, "1"),
    "fail": lambda s, c: tasks.fail(s, c, FAILURE),
    "retry": lambda s, c: tasks.retry_at(s, c, FAILURE, delay=60),
    "cancelled": tasks.confirm_cancel,
}


@pytest.mark.parametrize("name", ENDS)
def test_each_end_of_an_attempt_makes_room(line: Line, name: str) -> None:
    """For one: also while the task itself waits for its next attempt."""
    first, second, third, _ = line.keyed(count=4)
    assert line.dispatched() == [first, second]
    held = line.claimed(first)
    assert line.dispatched() == []
    line.do(lambda session: ENDS[name](session, held))
    assert line.dispatched() == [third]


def test_who_comes_back_is_looked_at_again(line: Line) -> None:
    """A task that a drain gave back, or whose worker was lost, takes its turn like any other."""
    first, second, third = line.keyed(count=3)
    line.dispatched()
    released = line.claimed(first)
    line.claimed(second, lease=30)
    line.do(lambda session: tasks.release(session, released))
    assert line.dispatched() in ([first], [third])
    line.expire(second)
    line.do(tasks.rescue)
    assert len(line.dispatched()) == 1
    assert len(line.held()) == 1


def test_a_cancel_makes_room(line: Line) -> None:
    """Of one that was handed out; one that is held never runs, and a person's retry of it is held if need be."""
    first, _, third, fourth = line.keyed(count=4)
    line.dispatched()
    line.do(lambda session: tasks.cancel(session, [first, third]))
    assert line.dispatched() == [fourth]
    line.do(lambda session: tasks.retry(session, [third]))
    assert line.task(third).held_for is None
    assert line.dispatched() == []
    assert line.held() == [third]


def test_a_message_that_comes_late_is_not_claimed(line: Line) -> None:
    """Its task may be held by now: only what was handed out just now is claimed."""
    (first,) = line.keyed(at_once=1)
    line.dispatched()
    line.do(lambda session: tasks.redispatch(session, [first]))
    assert line.do(lambda session: claim(session, first)) is None
    assert line.dispatched() == [first]
    assert line.do(lambda session: claim(session, first)) is not None


def test_a_full_key_is_in_nobody_s_way(line: Line) -> None:
    """Other keys, and tasks without one, are handed out behind a hundred that wait."""
    line.keyed(at_once=1, count=100)
    (other,) = line.keyed("t b")
    plain = line.submitted().id
    found: list[UUID] = []
    for _ in range(12):
        found += line.dispatched(room=10)
    assert found[1:] == [other, plain]
    assert len(line.held()) == 99


def test_the_greater_priority_goes_first(line: Line) -> None:
    """Of those that wait for the same key; then those that wait longest."""
    first, second, third = line.keyed(at_once=1, count=3)
    line.dispatched()
    (urgent,) = line.keyed(at_once=1, priority=9)
    line.dispatched()
    order = []
    for task_id in (first, urgent, second):
        held = line.claimed(task_id)
        line.do(lambda session, held=held: complete(session, held, "1"))  # type: ignore[misc]
        order += line.dispatched()
    assert order == [urgent, second, third]


def test_dispatchers_side_by_side(line: Line) -> None:
    """While one has counted and not committed, another one waits, and then sees what it did."""
    line.keyed(at_once=2, count=2)
    with held_open(line, hand_out) as finish, ThreadPoolExecutor(1) as pool:
        late = line.keyed(at_once=2, count=2)
        other = pool.submit(line.do, hand_out)
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        wait_until(lambda: line.do(lambda session: session.scalar(waits)), what="the other one to wait")
        finish.set()
        assert other.result(30) == []
    assert line.held() == late


def test_many_keys_are_looked_at_in_turn(line: Line) -> None:
    """A look that did not come to the end goes on where it was."""
    for key in "abcde":
        line.keyed(f"t {key}", at_once=1, count=2)
    line.do(hand_out)
    handed_out = "SELECT id FROM tasks WHERE dispatched_at IS NOT NULL"
    line.do(lambda session: tasks.cancel(session, list(session.scalars(text(handed_out)))))
    after, let_go = "", []
    for _ in range(3):
        found = line.do(lambda session, after=after: limits.release(session, "default", after=after, maximum=2))  # type: ignore[misc]
        after = found.after
        let_go.append(found.let_go)
    assert (let_go, after) == ([2, 2, 1], "")


def test_a_rate_lets_a_few_go_at_once_and_the_rest_in_time(line: Line) -> None:
    """A tenth of a second's worth, and then as fast as the bucket fills."""
    waiting = line.rated(20, 6)
    began = time.monotonic()
    assert line.dispatched() == waiting[:2]
    assert limits.waiting_for(line.task(waiting[2])) == "At most 20 tasks of this type start in a second."
    found = list(waiting[:2])
    wait_until(lambda: found.extend(line.dispatched()) or len(found) == 6, what="all of them")
    assert time.monotonic() - began >= 4 / 20 - 0.02
    assert found == waiting


def test_a_service_keeps_a_rate(stack: Stack) -> None:
    """Five in a second, by the clock of the handlers, whatever number was submitted at once."""
    ids = [stack.submit("paced") for _ in range(6)]
    times = sorted(stack.wait_for(task_id, "completed")["result"] for task_id in ids)
    # Not from the first, before which the worker may have to import the handler.
    assert times[-1] - times[1] >= 4 / 5 - 0.15


def test_a_waiting_task_says_why(own_stack: Stack) -> None:
    """Its status tells of the limit, and its `run_at` is when it was due."""
    own_stack.overrides["worker_concurrency"] = "3"
    own_stack.start_all()
    ids = [own_stack.submit("turn", parameters={"of": "a", "seconds": 60}) for _ in range(3)]
    status = f"/tasks/{ids[2]}/status"
    found = wait_until(lambda: own_stack.http.get(status).json()["waiting_for_limit"], what="it to be held")
    assert found == "At most 2 tasks run at once with the concurrency key 'a'."
    assert not own_stack.task(ids[2])["run_at"].startswith("9998")
    own_stack.http.post(f"/tasks/{ids[0]}/cancel")
    own_stack.wait_for(ids[2], "processing")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Stack]:
    """Three workers with two children each, and two dispatchers."""
    own = Stack(tmp_path, worker_concurrency="2", lease_seconds="2", heartbeat_seconds="0.3")
    try:
        own.start_servers().start_all()
        for name in ("worker-2", "worker-3", "dispatcher-2"):
            own.start(name)
        yield own
    finally:
        own.stop()


def test_handlers_of_a_key_never_overlap_beyond_its_limit(fleet: Stack, tmp_path: Path) -> None:
    """With 200 tasks, two at once, while workers are killed and drained and dispatchers killed."""
    path = tmp_path / "turns"
    chance = random.Random(2026)
    batch = [{"task_type": "turn", "parameters": {"of": "a", "seconds": 0.05, "path": str(path)}}] * 200
    answer = fleet.http.post("/tasks/batch", json={"tasks": batch})
    assert answer.status_code == 202, answer.text
    done = "SELECT count(*) FROM tasks WHERE task_type = 'turn' AND status = 'completed'"
    for goal in (20, 50, 80, 110, 140, 170):
        wait_until(lambda goal=goal: fleet.sql(done)[0][0] >= goal, seconds=60, what=f"{goal} to be done")  # type: ignore[misc]
        name = chance.choice(["worker", "worker-2", "worker-3", "dispatcher", "dispatcher-2"])
        fleet.kill(name, chance.choice([signal.SIGKILL, signal.SIGTERM]))
        fleet.start(name)
    wait_until(lambda: fleet.sql(done)[0][0] == 200, seconds=60, what="all to be done")
    turns = [line.split() for line in path.read_text().splitlines()]
    assert len({turn[1] for turn in turns}) == 200
    edges = sorted([(float(turn[3]), 1) for turn in turns] + [(float(turn[4]), -1) for turn in turns])
    running, most = 0, 0
    for _, step in edges:
        running += step
        most = max(most, running)
    assert most == 2
