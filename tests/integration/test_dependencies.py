"""Tasks that depend on others: who waits, who is let go, and who ends with them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from atropos_core import dependencies, limits, tasks
from atropos_core.drafts import Submitted, TaskDraft
from atropos_core.errors import DependencyNotFound
from atropos_core.lifecycle import HELD_UNTIL, DependencyFailure, EventType, TaskStatus
from atropos_core.models import Task
from tests.integration.chain import CANCEL, FAIL, RUN, Chain, draft
from tests.stack import Stack


def test_a_task_waits_until_all_that_it_depends_on_have_completed(chain: Chain) -> None:
    """It is pending and in nobody's way; the last of them lets it go, and its wait counts from then."""
    first, second = chain.submitted().id, chain.submitted().id
    last = chain.after(first, second)
    assert (chain.status(last), chain.waits(last)) == (TaskStatus.PENDING, True)
    assert chain.task(last).due_at == chain.task(last).created_at
    assert last not in {task.id for task in chain.do(lambda s: tasks.dispatch(s, "default", room=10))}
    chain.end(first)
    assert chain.tell() == []
    chain.end(second)
    assert chain.tell() == [last]
    found = chain.task(last)
    assert (found.held_run_at, found.run_at > found.created_at) == (None, True)
    assert chain.events(last) == [EventType.SUBMITTED, EventType.RELEASED]
    chain.end(last)
    assert chain.status(last) is TaskStatus.COMPLETED


def test_a_task_after_completed_ones_waits_for_none(chain: Chain) -> None:
    """It is due at once, and nothing is left to be told."""
    first = chain.submitted().id
    chain.end(first)
    last = chain.after(first)
    assert not chain.waits(last)
    assert chain.events(last) == [EventType.SUBMITTED]
    assert chain.tell() == []


@pytest.mark.parametrize("state", [TaskStatus.FAILED, TaskStatus.CANCELLED])
@pytest.mark.parametrize("on_failure", [FAIL, CANCEL])
def test_a_task_ends_with_one_that_it_depends_on(
    chain: Chain, state: TaskStatus, on_failure: DependencyFailure
) -> None:
    """At once, though another one still runs; its error and its event name the one that ended."""
    first, other = chain.submitted().id, chain.submitted().id
    last = chain.after(first, other, on_failure=on_failure)
    chain.end(first, state)
    chain.tell()
    found = chain.task(last)
    assert found.status == {FAIL: "failed", CANCEL: "cancelled"}[on_failure]
    assert found.error is not None
    assert (found.error["type"], found.error["reason"]) == ("dependency_failed", "permanent")
    assert found.error["message"] == f"Task {first}, which it depends on, ended {state}."
    event = chain.last_event(last)
    assert (event.type, event.data) == (found.status, {"dependency_failed": str(first)})


def test_a_task_runs_after_failed_ones_if_it_asked_to(chain: Chain) -> None:
    """Once all have ended."""
    first, second = chain.submitted().id, chain.submitted().id
    last = chain.after(first, second, on_failure=RUN)
    chain.end(first, TaskStatus.FAILED)
    assert chain.tell() == []
    chain.end(second, TaskStatus.CANCELLED)
    assert chain.tell() == [last]
    chain.end(last)
    assert chain.status(last) is TaskStatus.COMPLETED


@pytest.mark.parametrize("on_failure", DependencyFailure)
def test_a_task_after_a_failed_one_is_told_when_it_is_stored(chain: Chain, on_failure: DependencyFailure) -> None:
    """It ends, or is due, in the transaction that stores it."""
    first = chain.submitted().id
    chain.end(first, TaskStatus.FAILED)
    made = draft(first, on_failure=on_failure)
    (stored,) = chain.do(lambda session: tasks.submit(session, [made]))
    found = chain.task(stored.id)
    assert (stored.status, stored.finished_at) == (found.status, found.finished_at)
    assert found.status == {FAIL: "failed", CANCEL: "cancelled", RUN: "pending"}[on_failure]
    assert not found.waits_for_tasks


def test_failure_goes_down_a_chain(chain: Chain) -> None:
    """Each link is told by the one before it, and says what became of that one."""
    ids = [chain.submitted().id]
    for _ in range(5):
        ids.append(chain.after(ids[-1]))
    chain.end(ids[0], TaskStatus.FAILED)
    assert chain.tell() == ids[1:]
    assert {chain.status(each) for each in ids[1:]} == {TaskStatus.CANCELLED}
    error = chain.task(ids[-1]).error
    assert error is not None
    assert error["message"] == f"Task {ids[-2]}, which it depends on, ended cancelled."


def test_many_dependents_are_told_a_bounded_number_at_a_time(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction changes more than the maximum, and none is forgotten."""
    monkeypatch.setattr(dependencies, "MAXIMUM_DEPENDENTS", 10)
    first, other = chain.submitted().id, chain.submitted().id
    drafts = [draft(first) for _ in range(25)] + [draft(first, other) for _ in range(25)]
    chain.do(lambda session: tasks.submit(session, drafts))
    chain.end(first)
    sizes = []
    while (told := chain.do(dependencies.tell)).more:
        sizes.append(len(told.tasks))
    assert sizes == [10, 10, 5]
    chain.end(other)
    assert len(chain.tell()) == 25


def test_a_batch_is_a_chain(chain: Chain) -> None:
    """A draft may depend on an earlier one of the same call, which need not be stored yet."""
    first = draft()
    second = draft(first.id)
    third = draft(first.id, second.id)
    chain.do(lambda session: tasks.submit(session, [first, second, third]))
    order = []
    for each in (first, second, third):
        order += chain.tell()
        chain.end(each.id)
    assert order == [second.id, third.id]


@pytest.mark.parametrize("later", [False, True])
def test_what_does_not_exist_is_refused(chain: Chain, later: bool) -> None:
    """With its place; nothing is stored. So is a draft that comes later, as it could close a circle."""
    first = chain.submitted().id
    after = draft()
    missing = after.id if later else uuid4()
    with pytest.raises(DependencyNotFound) as raised:
        chain.do(lambda session: tasks.submit(session, [draft(first), draft(first, missing), after]))
    assert raised.value.extra == {"entry": 1, "position": 1, "task_id": str(missing)}
    assert chain.do(lambda session: session.query(Task).count()) == 1


def test_a_key_finds_its_task_when_what_it_depended_on_is_gone(chain: Chain, servers: Stack) -> None:
    """The same request again is the same task, not a problem."""
    first = chain.submitted().id
    chain.end(first)
    made = TaskDraft(
        task_type="default",
        queue="default",
        parameters={},
        depends_on=[first],
        on_dependency_failure=CANCEL,
        idempotency_key="once",
        idempotency_fingerprint="f",
    )
    stored = chain.do(lambda session: tasks.submit_once(session, [made])[0])
    servers.sql("DELETE FROM tasks WHERE id = %s", first)
    again = chain.do(lambda session: tasks.submit_once(session, [made])[0])
    assert (isinstance(stored, Submitted), isinstance(again, Task), again.id) == (True, True, stored.id)


def test_a_scheduled_time_holds_after_the_wait(chain: Chain) -> None:
    """A task that is let go before its time is due at its time."""
    at = datetime.now(UTC) + timedelta(hours=1)
    first = chain.submitted().id
    last = chain.after(first, run_at=at)
    chain.end(first)
    chain.tell()
    assert (chain.task(last).run_at, chain.waits(last)) == (at, False)


def test_limits_hold_after_the_wait(chain: Chain) -> None:
    """Two that are let go together are held by their limit of one at once."""
    first = chain.submitted().id
    made = {"key": "t a", "at_once": 1}
    ids = [chain.after(first, limits=made) for _ in range(2)]
    chain.end(first)
    assert set(chain.tell()) == set(ids)

    def hand_out(session: Any) -> set[UUID]:
        due = tasks.dispatch(session, "default", room=10)
        return {task.id for task in due} - limits.hold(session, due)

    assert chain.do(hand_out) == {ids[0]}
    held = chain.task(ids[1])
    assert (held.run_at, held.held_for, held.waits_for_tasks) == (HELD_UNTIL, "key t a", False)


def test_a_cancelled_task_waits_for_nobody(chain: Chain) -> None:
    """What it depended on ends without it."""
    first = chain.submitted().id
    last = chain.after(first)
    chain.do(lambda session: tasks.cancel(session, [last]))
    chain.end(first)
    assert chain.tell() == []
    assert chain.status(last) is TaskStatus.CANCELLED


def test_tasks_without_dependents_leave_nothing_to_tell(chain: Chain) -> None:
    """Their rows say nothing of others, before and after their end."""
    task = chain.submitted()
    assert (task.awaited, task.on_dependency_failure) == (None, None)
    chain.end(task.id)
    assert chain.task(task.id).awaited is None
    assert chain.do(dependencies.tell).more is False
