"""Guarded statements on a real database, raced from two connections, and what must hold between them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from atropos_core import logs, tasks
from atropos_core.drafts import TaskDraft
from atropos_core.events import EventHorizon, read_events
from atropos_core.lifecycle import EventType, TaskStatus
from atropos_core.logs import Line
from atropos_core.models import LogLine, Task
from atropos_core.tasks import Claim
from tests.domain import FAILURE, Domain, blocked, claim, complete, held_open
from tests.stack import wait_until

Change = Callable[[Session, UUID, Claim], object]
RACES: dict[str, tuple[bool, Change, Change]] = {
    "claim-claim": (False, lambda s, t, c: claim(s, t), lambda s, t, c: claim(s, t)),
    "claim-cancel": (False, lambda s, t, c: tasks.cancel(s, [t]), lambda s, t, c: claim(s, t)),
    "complete-complete": (True, lambda s, t, c: complete(s, c, "1"), lambda s, t, c: complete(s, c, "2")),
    "complete-fail": (True, lambda s, t, c: complete(s, c, "1"), lambda s, t, c: tasks.fail(s, c, FAILURE)),
    "complete-retry": (
        True,
        lambda s, t, c: complete(s, c, "1"),
        lambda s, t, c: tasks.retry_at(s, c, FAILURE, delay=0),
    ),
    "complete-release": (True, lambda s, t, c: complete(s, c, "1"), lambda s, t, c: tasks.release(s, c)),
    "complete-cancel": (True, lambda s, t, c: complete(s, c, "1"), lambda s, t, c: tasks.cancel(s, [t])),
    "complete-renew": (True, lambda s, t, c: complete(s, c, "1"), lambda s, t, c: tasks.renew(s, c, lease=9)),
    "complete-progress": (
        True,
        lambda s, t, c: complete(s, c, "1"),
        lambda s, t, c: tasks.report_progress(s, c, 0.5, None, lease=9),
    ),
    "complete-confirm": (True, lambda s, t, c: complete(s, c, "1"), lambda s, t, c: tasks.confirm_cancel(s, c)),
    "cancel-cancel": (False, lambda s, t, c: tasks.cancel(s, [t]), lambda s, t, c: tasks.cancel(s, [t])),
    "cancel-redispatch": (False, lambda s, t, c: tasks.cancel(s, [t]), lambda s, t, c: tasks.redispatch(s, [t])),
}


@pytest.mark.parametrize("race", RACES)
def test_of_two_at_the_same_time_the_first_wins(domain: Domain, race: str) -> None:
    """The second waits for the first one's row lock, looks again, and changes nothing."""
    running, first, second = RACES[race]
    task = domain.submitted()
    claim = domain.claimed(task.id) if running else Claim(task_id=task.id, fence=0)
    with ThreadPoolExecutor(1) as pool, held_open(domain, lambda s: first(s, task.id, claim)) as finish:
        other = pool.submit(domain.do, lambda s: second(s, task.id, claim))
        wait_until(lambda: blocked(domain) or other.done(), what="the second to wait for the first")
        finish.set()
        assert not other.result(30)
    before = 2 if running else 1
    assert len(domain.events(task.id)) == before + 1


LINES = [Line(number=number, at=datetime.now(UTC), message=f"line {number}", fields='{"a": 1}') for number in (1, 2)]


def _count_lines(session: Session, task_id: UUID) -> int | None:
    return session.scalar(select(func.count()).where(LogLine.task_id == task_id))


def test_lines_are_written_once_however_often_they_are_sent(domain: Domain) -> None:
    """A commit whose answer was lost is repeated, and finds them there."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    for lines in (LINES[:1], LINES, LINES):
        domain.do(lambda session, lines=lines: logs.keep(session, claim, lines))  # type: ignore[misc]
    found = domain.do(lambda session: logs.read(session, task.id, limit=10))
    assert [(line.attempt, line.line, line.message, line.fields) for line in found] == [
        (1, 1, "line 1", {"a": 1}),
        (1, 2, "line 2", {"a": 1}),
    ]


def test_lines_of_a_zombie_that_races_the_outcome_are_not_written(domain: Domain) -> None:
    """They wait for the row's lock, look again, and find that the claim is gone."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    with ThreadPoolExecutor(1) as pool, held_open(domain, lambda s: tasks.release(s, claim)) as finish:
        late = pool.submit(domain.do, lambda s: logs.keep(s, claim, LINES))
        wait_until(lambda: blocked(domain) or late.done(), what="the lines to wait for the outcome")
        assert not late.done()
        finish.set()
        late.result(30)
    assert domain.do(lambda session: _count_lines(session, task.id)) == 0


def test_two_retries_at_the_same_time_are_one(domain: Domain) -> None:
    """The second finds it pending."""
    task = domain.submitted(max_retries=0)
    claim = domain.claimed(task.id)
    domain.do(lambda session: tasks.fail(session, claim, FAILURE))
    with ThreadPoolExecutor(1) as pool, held_open(domain, lambda s: tasks.retry(s, [task.id])) as finish:
        other = pool.submit(domain.do, lambda s: tasks.retry(s, [task.id]))
        wait_until(lambda: blocked(domain) or other.done(), what="the second to wait for the first")
        finish.set()
        assert not other.result(30)
    assert domain.events(task.id).count(EventType.RETRIED) == 1


def test_two_submits_with_one_key_at_the_same_time_are_one(domain: Domain) -> None:
    """The second waits for the first to commit, and finds its task."""
    first, second = (
        TaskDraft(
            task_type="default", queue="default", parameters={}, idempotency_key="race", idempotency_fingerprint="f"
        )
        for _ in range(2)
    )
    with ThreadPoolExecutor(1) as pool, held_open(domain, lambda s: tasks.submit_once(s, [first])) as finish:
        other = pool.submit(domain.do, lambda s: tasks.submit_once(s, [second]))
        wait_until(lambda: blocked(domain) or other.done(), what="the second to wait for the first")
        finish.set()
        [found] = other.result(30)
    assert isinstance(found, Task)
    assert found.id == first.id


def _batch(key: str, size: int = 3) -> list[TaskDraft]:
    return [
        TaskDraft(
            task_type="default",
            queue="default",
            parameters={},
            idempotency_key=f"{key}\n{index}",
            idempotency_fingerprint="f",
        )
        for index in range(size)
    ]


def test_two_batches_with_one_key_at_the_same_time_are_one(domain: Domain) -> None:
    """The second waits for the first to commit, and finds its tasks in their order."""
    first, second = _batch("race of batches"), _batch("race of batches")
    with ThreadPoolExecutor(1) as pool, held_open(domain, lambda s: tasks.submit_once(s, first)) as finish:
        other = pool.submit(domain.do, lambda s: tasks.submit_once(s, second))
        wait_until(lambda: blocked(domain) or other.done(), what="the second to wait for the first")
        finish.set()
        found = other.result(30)
    assert [(type(task), task.id) for task in found] == [(Task, draft.id) for draft in first]


def test_a_batch_that_is_partly_deleted_stores_nothing_again(domain: Domain) -> None:
    """What retention has left of it is found."""
    drafts = _batch("partly")
    domain.do(lambda session: tasks.submit_once(session, drafts))
    domain.do(lambda session: session.execute(delete(Task).where(Task.id == drafts[0].id)))
    before = domain.do(lambda session: session.scalar(select(func.count()).select_from(Task)))
    found = domain.do(lambda session: tasks.submit_once(session, _batch("partly")))
    assert [task.id for task in found] == [draft.id for draft in drafts[1:]]
    assert domain.do(lambda session: session.scalar(select(func.count()).select_from(Task))) == before


def test_rescue_and_completion_race_for_the_row(domain: Domain) -> None:
    """A rescuer skips a row that its worker is just completing."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    domain.expire(task.id)
    with held_open(domain, lambda s: complete(s, claim, "1")):
        assert task.id not in {found.id for found in domain.do(tasks.rescue)}
    assert domain.task(task.id).status is TaskStatus.COMPLETED


def test_two_dispatchers_share_the_work(domain: Domain) -> None:
    """Rows that one holds are skipped by the other; none is handed over twice."""
    queue = "shared"
    drafts = [TaskDraft(task_type="default", queue=queue, parameters={}) for _ in range(20)]
    domain.do(lambda session: tasks.submit(session, drafts))
    taken: list[Task] = []
    with held_open(domain, lambda s: taken.extend(tasks.dispatch(s, queue, room=12))):
        others = domain.do(lambda s: tasks.dispatch(s, queue, room=12))
    assert (len(taken), len(others)) == (12, 8)
    assert not {task.id for task in taken} & {task.id for task in others}


def test_due_tasks_go_by_priority_then_by_time(domain: Domain) -> None:
    """Greater priority first; within one, the longer due."""
    queue = "ordered"
    drafts = [
        TaskDraft(task_type="default", queue=queue, parameters={}, priority=priority, delay_seconds=delay)
        for priority, delay in ((5, 0), (9, 0), (0, 0), (5, 0), (9, 3600))
    ]
    ids = [draft.id for draft in drafts]
    domain.do(lambda session: tasks.submit(session, drafts))
    order = [task.id for task in domain.do(lambda s: tasks.dispatch(s, queue, room=10))]
    assert order == [ids[1], ids[0], ids[3], ids[2]]


def test_the_horizon_waits_for_the_newest_transaction(domain: Domain) -> None:
    """It is not passed over though no transaction that began after it has ended, which PostgreSQL's xmax goes by."""
    horizon = EventHorizon()
    start = domain.do(horizon.advance)
    with held_open(domain, lambda s: tasks.submit(s, [TaskDraft(task_type="default", queue="q", parameters={})])):
        assert domain.do(horizon.advance) == start
    reached = domain.do(horizon.advance)
    assert len(domain.do(lambda s: read_events(s, after=start, up_to=reached, limit=100))) == 1


def test_the_horizon_refuses_a_transaction_that_has_written(domain: Domain) -> None:
    """Those that began between its first write and the reading would be passed over."""

    def write_first(session: Session) -> None:
        tasks.submit(session, [TaskDraft(task_type="default", queue="q", parameters={})])
        EventHorizon().advance(session)

    with pytest.raises(RuntimeError, match="before the transaction writes"):
        domain.do(write_first)


def test_the_horizon_waits_for_open_transactions(domain: Domain) -> None:
    """An event with a smaller id that commits later is not passed over."""
    horizon = EventHorizon()
    start = domain.do(horizon.advance)
    with held_open(domain, lambda s: tasks.submit(s, [TaskDraft(task_type="default", queue="q", parameters={})])):
        later = domain.submitted()
        assert domain.do(horizon.advance) == start
    reached = domain.do(horizon.advance)
    seen = domain.do(lambda s: read_events(s, after=start, up_to=reached, limit=100))
    assert len(seen) == 2
    assert later.id in {event.task_id for event in seen}
