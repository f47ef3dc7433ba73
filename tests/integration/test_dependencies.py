"""Tasks that depend on others: who waits, who is let go, and what raced transactions make of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from atropos_core import dependencies, limits, tasks
from atropos_core.drafts import Submitted, TaskDraft
from atropos_core.errors import DependencyNotFound
from atropos_core.lifecycle import HELD_UNTIL, DependencyFailure, EventType, TaskStatus
from atropos_core.models import Event, Task
from tests.domain import FAILURE, Domain, blocked, complete, held_open
from tests.stack import Stack, wait_until

FAIL, CANCEL, RUN = DependencyFailure.FAIL, DependencyFailure.CANCEL, DependencyFailure.RUN


class Chain(Domain):
    """Tasks that depend on others, and a dispatcher that tells them."""

    def after(self, *needed: UUID, on_failure: DependencyFailure = CANCEL, **draft: Any) -> UUID:
        return self.submitted(depends_on=list(needed), on_dependency_failure=on_failure, **draft).id

    def end(self, task_id: UUID, state: TaskStatus = TaskStatus.COMPLETED) -> None:
        """Run it to this end; nobody is told yet."""
        if state is TaskStatus.CANCELLED:
            self.do(lambda session: tasks.cancel(session, [task_id]))
            return
        claim = self.claimed(task_id)
        if state is TaskStatus.COMPLETED:
            self.do(lambda session: complete(session, claim, "1"))
        else:
            self.do(lambda session: tasks.fail(session, claim, FAILURE))

    def tell(self) -> list[UUID]:
        """The ids that change until nobody is left to be told."""
        changed: list[UUID] = []
        while (told := self.do(dependencies.tell)).more:
            changed += [task.id for task in told.tasks]
        return changed

    def waits(self, task_id: UUID) -> bool:
        return self.task(task_id).waits_for_tasks

    def status(self, task_id: UUID) -> TaskStatus:
        return self.task(task_id).status

    def last_event(self, task_id: UUID) -> Event:
        found = self.do(lambda s: s.query(Event).filter(Event.task_id == task_id).order_by(Event.id.desc()).first())
        assert found is not None
        return found


@pytest.fixture
def chain(servers: Stack) -> Chain:
    """An empty database."""
    servers.sql("TRUNCATE tasks, events, task_dependencies, rate_buckets")
    return Chain(servers)


def draft(*needed: UUID, on_failure: DependencyFailure = CANCEL) -> TaskDraft:
    return TaskDraft(
        task_type="default",
        queue="default",
        parameters={},
        depends_on=needed or None,
        on_dependency_failure=on_failure if needed else None,
    )


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


def test_a_retry_wakes_no_dependents(chain: Chain) -> None:
    """Those that ended stay so until somebody retries them; then they wait, in whatever order that was."""
    first = chain.submitted().id
    last = chain.after(first)
    chain.end(first, TaskStatus.FAILED)
    chain.tell()
    chain.do(lambda session: tasks.retry(session, [last]))
    assert chain.waits(last)
    assert chain.tell() == []
    chain.do(lambda session: tasks.retry(session, [first]))
    assert chain.tell() == []
    chain.end(first)
    assert chain.tell() == [last]


@pytest.mark.parametrize("order", [1, -1])
def test_a_whole_chain_is_retried_at_once(chain: Chain, order: int) -> None:
    """The first link runs, the others wait for it."""
    ids = [chain.submitted().id]
    for _ in range(2):
        ids.append(chain.after(ids[-1]))
    chain.end(ids[0], TaskStatus.FAILED)
    chain.tell()
    chain.do(lambda session: tasks.retry(session, ids[::order]))
    assert [chain.waits(each) for each in ids] == [False, True, True]
    for each in ids:
        chain.end(each)
        chain.tell()
    assert {chain.status(each) for each in ids} == {TaskStatus.COMPLETED}


def test_a_retried_task_runs_at_once_after_completed_ones(chain: Chain) -> None:
    """And after one that is gone."""
    first = chain.submitted().id
    chain.end(first)
    last = chain.after(first)
    chain.end(last, TaskStatus.FAILED)
    chain.do(lambda session: tasks.retry(session, [last]))
    assert not chain.waits(last)


def test_tasks_without_dependents_leave_nothing_to_tell(chain: Chain) -> None:
    """Their rows say nothing of others, before and after their end."""
    task = chain.submitted()
    assert (task.awaited, task.on_dependency_failure) == (None, None)
    chain.end(task.id)
    assert chain.task(task.id).awaited is None
    assert chain.do(dependencies.tell).more is False


@pytest.mark.parametrize("state", [TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED])
def test_an_end_while_a_dependent_is_stored_is_noticed(chain: Chain, state: TaskStatus) -> None:
    """The end waits for the insert, and finds that somebody waits for it."""
    first = chain.submitted().id
    made = draft(first, on_failure=RUN)
    with ThreadPoolExecutor(1) as pool, held_open(chain, lambda s: tasks.submit(s, [made])) as finish:
        ending = pool.submit(chain.end, first, state)
        wait_until(lambda: blocked(chain) or ending.done(), what="the end to wait for the insert")
        assert chain.tell() == []
        finish.set()
        ending.result(30)
    assert chain.tell() == [made.id]


def test_a_dependent_that_is_stored_during_an_end_sees_it(chain: Chain) -> None:
    """The insert waits for the outcome, and is due at once."""
    first = chain.submitted().id
    held = chain.claimed(first)
    made = draft(first)
    with ThreadPoolExecutor(1) as pool, held_open(chain, lambda s: complete(s, held, "1")) as finish:
        storing = pool.submit(chain.do, lambda s: tasks.submit(s, [made]))
        wait_until(lambda: blocked(chain) or storing.done(), what="the insert to wait for the outcome")
        assert not storing.done()
        finish.set()
        storing.result(30)
    assert not chain.waits(made.id)


def test_two_ends_at_the_same_time_let_a_task_go(chain: Chain) -> None:
    """Neither transaction sees the other's end; whoever is told last sees both."""
    first, second = chain.submitted().id, chain.submitted().id
    last = chain.after(first, second)
    one, two = chain.claimed(first), chain.claimed(second)
    with held_open(chain, lambda s: complete(s, one, "1")):
        chain.do(lambda s: complete(s, two, "1"))
        assert chain.tell() == []
    assert chain.tell() == [last]


def test_a_retry_during_an_end_sees_it(chain: Chain) -> None:
    """A retried dependent waits for the outcome's lock, and then for nothing."""
    other, first = chain.submitted().id, chain.submitted().id
    last = chain.after(first, other)
    chain.end(other, TaskStatus.FAILED)
    chain.tell()
    chain.do(lambda s: tasks.retry(s, [other]))
    chain.end(other)
    held = chain.claimed(first)
    with ThreadPoolExecutor(1) as pool, held_open(chain, lambda s: complete(s, held, "1")) as finish:
        retrying = pool.submit(chain.do, lambda s: tasks.retry(s, [last]))
        wait_until(lambda: blocked(chain) or retrying.done(), what="the retry to wait for the outcome")
        assert not retrying.done()
        finish.set()
        retrying.result(30)
    assert not chain.waits(last)


def test_one_dispatcher_tells_at_a_time(chain: Chain) -> None:
    """The other goes on with its own work."""
    first = chain.submitted().id
    last = chain.after(first)
    chain.end(first)
    with held_open(chain, dependencies.tell):
        assert chain.do(dependencies.tell).more is False
    assert not chain.waits(last)


def test_a_cancel_while_dependents_are_told_wins_or_loses_whole(chain: Chain) -> None:
    """Told, then cancelled: the cancel waits, and finds it pending."""
    first = chain.submitted().id
    last = chain.after(first)
    chain.end(first)
    with ThreadPoolExecutor(1) as pool, held_open(chain, dependencies.tell) as finish:
        cancelling = pool.submit(chain.do, lambda s: tasks.cancel(s, [last]))
        wait_until(lambda: blocked(chain) or cancelling.done(), what="the cancel to wait")
        finish.set()
        assert [task.id for task in cancelling.result(30)] == [last]
    assert chain.events(last) == [EventType.SUBMITTED, EventType.RELEASED, EventType.CANCELLED]


def test_ends_and_dependents_at_random_leave_nobody_waiting(chain: Chain) -> None:
    """Four threads submit and end tasks while two tell: in the end every wait is over."""
    roots = [chain.submitted().id for _ in range(40)]

    def grow(number: int) -> None:
        for index in range(number, 40, 4):
            chain.after(roots[index], roots[-index - 1], on_failure=list(DependencyFailure)[index % 3])
            state = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)[index % 3]
            chain.end(roots[index], state)

    with ThreadPoolExecutor(6) as pool:
        growing = [pool.submit(grow, number) for number in range(4)]
        while not all(each.done() for each in growing):
            for telling in [pool.submit(chain.do, dependencies.tell) for _ in range(2)]:
                telling.result(30)
        for each in growing:
            each.result(30)
    chain.tell()
    assert chain.do(lambda s: s.query(Task).filter(Task.run_at == HELD_UNTIL, Task.status == "pending").count()) == 0
