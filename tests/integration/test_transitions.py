"""Every guarded statement on a real database, alone and raced from two connections."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core import queries, tasks
from atropos_core.events import EventHorizon, read_events, read_task_events
from atropos_core.lifecycle import EventType, FailureReason, TaskStatus
from atropos_core.models import Task
from atropos_core.tasks import Claim, Failure, TaskDraft
from tests.stack import Stack, wait_until

Result = TypeVar("Result")
FAILURE = Failure(reason=FailureReason.ERROR, type="ValueError", message="no", traceback="Traceback …")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers with a schema; each test works on tasks of its own."""
    own = Stack(tmp_path_factory.mktemp("domain"))
    try:
        yield own.start_servers()
    finally:
        own.stop()


class Domain:
    """Transitions, each in a transaction of its own."""

    def __init__(self, stack: Stack) -> None:
        self.database = stack.database

    def do(self, change: Callable[[Session], Result]) -> Result:
        with self.database.transaction() as session:
            return change(session)

    def submitted(self, **draft: object) -> Task:
        made = TaskDraft(task_type="default", queue="default", parameters={}, **draft)  # type: ignore[arg-type]
        return self.do(lambda session: tasks.submit(session, [made]))[0]

    def claimed(self, task_id: UUID, *, lease: float = 30.0) -> Claim:
        task = self.do(lambda session: tasks.claim(session, task_id, worker="w", lease=lease))
        assert task is not None
        return Claim(task_id=task.id, fence=task.fence)

    def task(self, task_id: UUID) -> Task:
        return self.do(lambda session: queries.get_task(session, task_id))

    def events(self, task_id: UUID) -> list[EventType]:
        return [event.type for event in self.do(lambda session: read_task_events(session, task_id))]

    def expire(self, task_id: UUID) -> None:
        lapse = text("UPDATE tasks SET lease_expires_at = now() - interval '1 s' WHERE id = :id")
        self.do(lambda session: session.execute(lapse, {"id": task_id}))


@pytest.fixture
def domain(servers: Stack) -> Domain:
    return Domain(servers)


Outcome = Callable[[Session, Claim], Task | None]
OUTCOMES: dict[str, tuple[Outcome, TaskStatus, EventType]] = {
    "complete": (lambda s, c: tasks.complete(s, c, "{}"), TaskStatus.COMPLETED, EventType.COMPLETED),
    "fail": (lambda s, c: tasks.fail(s, c, FAILURE), TaskStatus.FAILED, EventType.FAILED),
    "retry": (lambda s, c: tasks.retry_at(s, c, FAILURE, delay=0), TaskStatus.PENDING, EventType.RETRY_SCHEDULED),
    "release": (tasks.release, TaskStatus.PENDING, EventType.INTERRUPTED),
    "cancelled": (tasks.confirm_cancel, TaskStatus.CANCELLED, EventType.CANCELLED),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_outcome_changes_the_row_once_and_leaves_its_event(domain: Domain, name: str) -> None:
    """The second write of the same claim finds nothing."""
    outcome, status, event = OUTCOMES[name]
    task = domain.submitted()
    claim = domain.claimed(task.id)

    first = domain.do(lambda session: outcome(session, claim))
    second = domain.do(lambda session: outcome(session, claim))

    assert first is not None
    assert second is None
    assert domain.task(task.id).status is status
    assert domain.events(task.id) == [EventType.SUBMITTED, EventType.STARTED, event]


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_zombie_changes_nothing(domain: Domain, name: str) -> None:
    """The outcome of a worker whose task was rescued and claimed again is void, even at the same attempt number."""
    outcome, _, _ = OUTCOMES[name]
    task = domain.submitted()
    zombie = domain.claimed(task.id)
    domain.do(lambda session: tasks.release(session, zombie))
    owner = domain.claimed(task.id)

    late = domain.do(lambda session: outcome(session, zombie))

    assert late is None
    found = domain.task(task.id)
    assert (found.status, found.attempt, found.fence) == (TaskStatus.PROCESSING, 1, owner.fence)


def test_a_release_gives_the_attempt_back(domain: Domain) -> None:
    """Interrupted is not failed."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    released = domain.do(lambda session: tasks.release(session, claim))
    assert released is not None
    assert (released.attempt, released.interruptions) == (0, 1)


@pytest.mark.parametrize("name", ["retry", "release"])
def test_a_task_that_was_to_be_cancelled_does_not_come_back(domain: Domain, name: str) -> None:
    """A retry or a drain of a task with a cancel request ends it as cancelled."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    domain.do(lambda session: tasks.cancel(session, [task.id]))
    domain.do(lambda session: OUTCOMES[name][0](session, claim))
    assert domain.task(task.id).status is TaskStatus.CANCELLED
    assert domain.events(task.id)[-2:] == [EventType.CANCEL_REQUESTED, EventType.CANCELLED]


def test_a_task_is_not_claimed_before_it_is_due(domain: Domain) -> None:
    """A message that comes too early finds nothing to claim."""
    task = domain.submitted(delay_seconds=3600)
    assert domain.do(lambda session: tasks.claim(session, task.id, worker="w", lease=30)) is None


def test_a_cancelled_task_is_never_claimed(domain: Domain) -> None:
    """Cancel is durable: the message may still be in Redis."""
    task = domain.submitted()
    domain.do(lambda session: tasks.cancel(session, [task.id]))
    assert domain.do(lambda session: tasks.claim(session, task.id, worker="w", lease=30)) is None


def test_a_lost_worker_costs_an_attempt_and_the_last_one_the_task(domain: Domain) -> None:
    """One retry, so the second lapse ends it with its own reason."""
    task = domain.submitted(max_retries=1)
    for expected in (TaskStatus.PENDING, TaskStatus.FAILED):
        domain.claimed(task.id)
        domain.expire(task.id)
        domain.do(tasks.rescue)
        assert domain.task(task.id).status is expected
    found = domain.task(task.id)
    assert found.error is not None
    assert (found.attempt, found.error["reason"], found.error["attempt"]) == (2, FailureReason.WORKER_LOST, 2)
    assert domain.events(task.id)[-1] is EventType.FAILED


def test_a_live_lease_is_not_rescued(domain: Domain) -> None:
    """Only lapsed leases are taken."""
    task = domain.submitted()
    claim = domain.claimed(task.id, lease=1)
    domain.do(lambda session: tasks.renew(session, claim, lease=30))
    domain.do(tasks.rescue)
    assert domain.task(task.id).status is TaskStatus.PROCESSING


def test_a_person_can_retry_what_failed(domain: Domain) -> None:
    """All attempts are there again, and the old error is gone."""
    task = domain.submitted(max_retries=0)
    claim = domain.claimed(task.id)
    domain.do(lambda session: tasks.fail(session, claim, FAILURE))
    domain.do(lambda session: tasks.retry(session, [task.id]))
    found = domain.task(task.id)
    assert (found.status, found.attempt, found.error, found.finished_at) == (TaskStatus.PENDING, 0, None, None)


@contextmanager
def held_open(domain: Domain, change: Callable[[Session], object]) -> Iterator[threading.Event]:
    """The change is made in a transaction that stays open until the event is set."""
    made, finish = threading.Event(), threading.Event()

    def hold() -> None:
        with domain.database.transaction() as session:
            change(session)
            made.set()
            finish.wait(30)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert made.wait(30)
        try:
            yield finish
        finally:
            finish.set()
            holding.result(30)


def blocked(domain: Domain) -> bool:
    """Whether some statement waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(domain.do(lambda session: session.scalar(waiting)))


Change = Callable[[Session, UUID, Claim], object]
RACES: dict[str, tuple[bool, Change, Change]] = {
    "claim-claim": (False, lambda s, t, c: _claim(s, t), lambda s, t, c: _claim(s, t)),
    "claim-cancel": (False, lambda s, t, c: tasks.cancel(s, [t]), lambda s, t, c: _claim(s, t)),
    "complete-complete": (True, lambda s, t, c: tasks.complete(s, c, "1"), lambda s, t, c: tasks.complete(s, c, "2")),
    "complete-fail": (True, lambda s, t, c: tasks.complete(s, c, "1"), lambda s, t, c: tasks.fail(s, c, FAILURE)),
    "complete-retry": (
        True,
        lambda s, t, c: tasks.complete(s, c, "1"),
        lambda s, t, c: tasks.retry_at(s, c, FAILURE, delay=0),
    ),
    "complete-release": (True, lambda s, t, c: tasks.complete(s, c, "1"), lambda s, t, c: tasks.release(s, c)),
    "complete-cancel": (True, lambda s, t, c: tasks.complete(s, c, "1"), lambda s, t, c: tasks.cancel(s, [t])),
    "complete-renew": (True, lambda s, t, c: tasks.complete(s, c, "1"), lambda s, t, c: tasks.renew(s, c, lease=9)),
    "complete-progress": (
        True,
        lambda s, t, c: tasks.complete(s, c, "1"),
        lambda s, t, c: tasks.report_progress(s, c, 0.5, None, lease=9),
    ),
    "complete-confirm": (True, lambda s, t, c: tasks.complete(s, c, "1"), lambda s, t, c: tasks.confirm_cancel(s, c)),
    "cancel-cancel": (False, lambda s, t, c: tasks.cancel(s, [t]), lambda s, t, c: tasks.cancel(s, [t])),
    "cancel-redispatch": (False, lambda s, t, c: tasks.cancel(s, [t]), lambda s, t, c: tasks.redispatch(s, [t])),
}


def _claim(session: Session, task_id: UUID) -> Task | None:
    return tasks.claim(session, task_id, worker="w", lease=30)


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
    with ThreadPoolExecutor(1) as pool, held_open(domain, lambda s: tasks.submit_once(s, first)) as finish:
        other = pool.submit(domain.do, lambda s: tasks.submit_once(s, second))
        wait_until(lambda: blocked(domain) or other.done(), what="the second to wait for the first")
        finish.set()
        found, replayed = other.result(30)
    assert (found.id, replayed) == (first.id, True)


def test_rescue_and_completion_race_for_the_row(domain: Domain) -> None:
    """A rescuer skips a row that its worker is just completing."""
    task = domain.submitted()
    claim = domain.claimed(task.id)
    domain.expire(task.id)
    with held_open(domain, lambda s: tasks.complete(s, claim, "1")):
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
