"""Old tasks are deleted with all that belongs to them, and nothing else is: in SQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from atropos_core import dependencies, tasks
from atropos_core.lifecycle import DependencyFailure, TaskStatus
from atropos_core.retention import BATCH, Pass
from atropos_core.task_lists import first_id
from tests.domain import FAILURE, held_open
from tests.integration.history import DAY, History
from tests.stack import Stack


@pytest.fixture
def history(servers: Stack) -> History:
    """An empty database, for tests that count what is left in it."""
    servers.sql("TRUNCATE tasks, events, task_logs, checkpoints, event_cursors, statistics, totals, task_dependencies")
    return History(servers)


def test_a_task_goes_with_all_that_belongs_to_it(history: History) -> None:
    """Nothing of it is left, and what belongs to a younger one is."""
    history.ended()
    young = history.ended(days=1)
    history.add_up()
    assert history.deleted() == 1
    assert history.left() == {young}
    for table in ("events", "task_logs", "checkpoints"):
        assert {row[0] for row in history.stack.sql(f"SELECT task_id FROM {table}")} == {young}


@pytest.mark.parametrize("state", [TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED])
def test_each_state_has_its_own_time(history: History, state: TaskStatus) -> None:
    """A pass through one state leaves the others, and what waits or runs, however old."""
    by_state = {each: history.ended(each) for each in ("completed", "failed", "cancelled")}
    waiting = history.domain.submitted(id=first_id(datetime.now(UTC) - timedelta(days=300), timedelta(0))).id
    history.add_up()
    history.deleted(state)
    assert history.left() == {waiting, *by_state.values()} - {by_state[state]}


def test_time_counts_from_the_end(history: History) -> None:
    """A task that was submitted long ago and has just ended is kept."""
    late = history.ended(days=1, created=100)
    history.add_up()
    assert history.deleted() == 0
    assert history.left() == {late}


def test_a_person_s_retry_saves_a_task(history: History) -> None:
    """It is pending again, and has no end that time could count from."""
    saved = history.ended("failed")
    history.domain.do(lambda session: tasks.retry(session, [saved]))
    history.add_up()
    assert history.deleted(TaskStatus.FAILED) == 0


@pytest.mark.parametrize("state", ["pending", "processing", "failed"])
def test_a_task_is_kept_until_those_that_depend_on_it_have_ended(history: History, state: str) -> None:
    """Their handlers ask for its result; then it goes, and leaves theirs alone."""
    first = history.ended()
    last = history.domain.submitted(depends_on=[first], on_dependency_failure=DependencyFailure.CANCEL).id
    if state != "pending":
        claim = history.domain.claimed(last)
    if state == "failed":
        history.domain.do(lambda session: tasks.fail(session, claim, FAILURE))
    history.add_up()
    assert history.deleted() == (state == "failed")
    assert history.stack.sql("SELECT count(*) FROM task_dependencies")[0][0] == 1


def test_a_task_whose_dependents_were_not_told_is_kept(history: History) -> None:
    """They would wait for ever; what it depends on itself goes with it."""
    first = history.ended("failed")
    history.domain.do(lambda session: tasks.retry(session, [first]))
    last = history.domain.submitted(depends_on=[first], on_dependency_failure=DependencyFailure.CANCEL).id
    history.domain.do(lambda session: tasks.cancel(session, [first]))
    history.stack.sql("UPDATE tasks SET finished_at = now() - interval '10 days' WHERE id = %s", first)
    history.add_up()
    assert history.deleted(TaskStatus.CANCELLED) == 0
    history.domain.do(dependencies.tell)
    history.add_up()
    history.stack.sql("UPDATE tasks SET finished_at = now() - interval '10 days' WHERE id = %s", last)
    assert history.deleted(TaskStatus.CANCELLED, days=5) == 1
    assert history.left() == {last}


def test_events_that_were_not_added_up_keep_their_task(history: History) -> None:
    """Adding up asks the task for its type: totals and statistics would lose the event."""
    history.ended()
    assert history.deleted() == 0
    history.add_up()
    history.ended()
    assert history.deleted() == 1
    history.add_up()
    assert history.deleted() == 1
    query = "SELECT sum(count)::int FROM {} WHERE event = 'completed'"
    assert [history.stack.sql(query.format(table))[0][0] for table in ("totals", "statistics")] == [2, 2]


def test_a_task_that_somebody_holds_is_passed_by(history: History) -> None:
    """Retention waits for nobody's lock; the next pass finds the task."""
    held, free = history.ended("failed"), history.ended("failed")
    history.add_up()
    with held_open(history.domain, lambda session: tasks.retry(session, [held])):
        assert history.deleted(TaskStatus.FAILED) == 1
    assert history.left() == {held}
    assert history.domain.task(held).status is TaskStatus.PENDING
    assert free not in history.left()


def test_several_at_once_delete_each_task_once(history: History) -> None:
    """Two dispatchers that both take themselves for the leader do no harm."""
    history.many(5 * BATCH)
    kept = history.ended(days=1)
    history.add_up()
    with ThreadPoolExecutor(4) as pool:
        passes = [pool.submit(history.deleted) for _ in range(4)]
        assert sum(each.result(60) for each in passes) == 5 * BATCH
    assert history.left() == {kept}


def test_a_batch_is_bounded(history: History) -> None:
    """However much is over, one transaction deletes a batch."""
    history.many(2 * BATCH + 1)
    history.ended(days=1)
    history.add_up()
    walk = Pass(TaskStatus.COMPLETED, 5 * DAY)
    batches = [history.domain.do(walk.delete_batch) for _ in range(4)]
    assert [(batch.deleted, batch.last) for batch in batches] == [(BATCH, False), (BATCH, False), (1, False), (0, True)]
    assert batches[0].late == pytest.approx(5 * DAY, rel=0.01)


def test_an_idempotency_key_goes_with_its_task(history: History) -> None:
    """The same key then makes a new task."""
    first = history.ended()
    history.stack.sql("UPDATE tasks SET idempotency_key = 'k', idempotency_fingerprint = 'f' WHERE id = %s", first)
    history.add_up()
    history.deleted()
    again = history.domain.submitted(idempotency_key="k", idempotency_fingerprint="other")
    assert again.id != first
