"""Tasks that depend on others, in transactions that race: no end is missed, and nobody waits for ever."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from atropos_core import dependencies, tasks
from atropos_core.lifecycle import HELD_UNTIL, DependencyFailure, EventType, TaskStatus
from atropos_core.models import Task
from tests.domain import blocked, complete, held_open
from tests.integration.chain import RUN, Chain, draft
from tests.stack import wait_until


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
