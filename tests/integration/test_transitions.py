"""Every guarded statement on a real database, alone; test_races.py has them raced."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy.orm import Session

from atropos_core import tasks
from atropos_core.events import EventHorizon
from atropos_core.lifecycle import EventType, FailureReason, ReleaseReason, TaskStatus
from atropos_core.models import Task
from atropos_core.statistics import add_up_events, events_behind, read_totals
from atropos_core.tasks import Claim
from tests.domain import FAILURE, Domain, claim, complete

Outcome = Callable[[Session, Claim], Task | None]
OUTCOMES: dict[str, tuple[Outcome, TaskStatus, EventType]] = {
    "complete": (lambda s, c: complete(s, c, "{}"), TaskStatus.COMPLETED, EventType.COMPLETED),
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
    assert domain.do(lambda session: claim(session, task.id)) is None


def test_a_cancelled_task_is_never_claimed(domain: Domain) -> None:
    """Cancel is durable: the message may still be in Redis."""
    task = domain.submitted()
    domain.do(lambda session: tasks.cancel(session, [task.id]))
    assert domain.do(lambda session: claim(session, task.id)) is None


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


def test_a_task_that_is_moved_is_counted_where_it_is(domain: Domain) -> None:
    """With the reason if it was given back, and without one if it was to be cancelled."""
    given_back, cancelled = domain.submitted(), domain.submitted()
    claims = [domain.claimed(task.id) for task in (given_back, cancelled)]
    domain.do(lambda session: tasks.cancel(session, [cancelled.id]))
    release = partial(tasks.release, reason=ReleaseReason.NO_TASK_TYPE, queue="elsewhere")
    for held in claims:
        domain.do(partial(release, claim=held))
    assert {domain.task(task.id).queue for task in (given_back, cancelled)} == {"elsewhere"}

    horizon = EventHorizon()
    while domain.do(lambda session: events_behind(session)[0]):
        domain.do(partial(add_up_events, horizon=horizon))
    totals = domain.do(lambda session: [total for total in read_totals(session) if total.queue == "elsewhere"])
    assert {(total.event.value, total.reason): total.count for total in totals} == {
        ("submitted", ""): 2,
        ("started", ""): 2,
        ("interrupted", "no_task_type"): 1,
        ("cancel_requested", ""): 1,
        ("cancelled", ""): 1,
    }
