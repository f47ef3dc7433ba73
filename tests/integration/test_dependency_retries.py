"""Tasks that depend on others, retried by a person: who waits again, and for whom."""

import pytest

from atropos_core import tasks
from atropos_core.lifecycle import TaskStatus
from tests.integration.chain import Chain


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
