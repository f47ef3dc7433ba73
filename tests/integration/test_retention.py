"""Old tasks are deleted with all that belongs to them, and nothing else is: in SQL, and by real dispatchers."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import getrandbits
from uuid import UUID

import httpx
import pytest

from atropos_core import checkpoints, dependencies, logs, tasks
from atropos_core.events import EventHorizon
from atropos_core.lifecycle import DependencyFailure, TaskStatus
from atropos_core.logs import Line
from atropos_core.retention import BATCH, Pass
from atropos_core.statistics import add_up_events
from atropos_core.task_lists import first_id
from atropos_core.tasks import Completion
from tests.domain import FAILURE, Domain, held_open
from tests.scrape import Observed
from tests.stack import Stack, wait_until

DAY = 86_400.0
#: In days: about two seconds.
MOMENT = "0.00002"


@pytest.fixture
def history(servers: Stack) -> "History":
    """An empty database, for tests that count what is left in it."""
    servers.sql("TRUNCATE tasks, events, task_logs, checkpoints, event_cursors, statistics, totals, task_dependencies")
    return History(servers)


class History:
    """Tasks that ended in the past."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.domain = Domain(stack)

    def ended(self, state: str = "completed", *, days: float = 10, created: float | None = None) -> UUID:
        """A task with events and a line that ended so many days ago; it was created then, too, or even before."""
        age = timedelta(days=days if created is None else created)
        task_id = UUID(int=first_id(datetime.now(UTC) - age, timedelta(0)).int + getrandbits(62))
        self.domain.submitted(id=task_id)
        claim = self.domain.claimed(task_id)
        line = Line(number=1, at=datetime.now(UTC), message="hello", fields="{}")
        self.domain.do(lambda session: logs.keep(session, claim, [line]))
        self.domain.do(lambda session: checkpoints.keep(session, claim, "1"))
        if state == "completed":
            self.domain.do(lambda session: tasks.complete(session, [Completion(claim=claim, result="{}")]))
        elif state == "failed":
            self.domain.do(lambda session: tasks.fail(session, claim, FAILURE))
        else:
            self.domain.do(lambda session: tasks.confirm_cancel(session, claim))
        self.stack.sql(
            "UPDATE tasks SET finished_at = now() - make_interval(secs => %s) WHERE id = %s", days * DAY, task_id
        )
        return task_id

    def many(self, count: int) -> None:
        """Completed tasks of ten days ago, added up."""
        self.stack.sql(
            """INSERT INTO tasks (id, task_type, queue, status, priority, parameters, labels, max_retries, finished_at)
               SELECT uuidv7(interval '-10 days'), 'default', 'default', 'completed', 5, '{}', '{}', 0,
                      now() - interval '10 days' FROM generate_series(1, %s)""",
            count,
        )

    def add_up(self) -> None:
        horizon = EventHorizon()
        last = self.stack.sql("SELECT max(id) FROM events")[0][0]
        self.domain.do(lambda session: add_up_events(session, horizon))
        assert self.stack.sql("SELECT event_id >= %s FROM event_cursors", last)[0][0]

    def deleted(self, state: TaskStatus = TaskStatus.COMPLETED, *, days: float = 5) -> int:
        """What one pass deletes."""
        walk, total = Pass(state, days * DAY), 0
        while True:
            batch = self.domain.do(walk.delete_batch)
            total += batch.deleted
            if batch.last:
                return total

    def left(self) -> set[UUID]:
        return {row[0] for row in self.stack.sql("SELECT id FROM tasks")}


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


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Observed]:
    """A service that keeps completed tasks for two seconds, and the others for ever."""
    stack = Stack(
        tmp_path,
        retention_completed_days=MOMENT,
        retention_failed_days="none",
        retention_cancelled_days="none",
    )
    try:
        yield Observed(stack.start_servers()).start_all("dispatcher-2")
    finally:
        stack.stop()


def test_dispatchers_delete_and_tell(observed: Observed) -> None:
    """One of two deletes in the background; counters stay exact, and asking for the task and its stream is 404."""
    stack = observed.stack
    gone = [stack.submit() for _ in range(5)]
    failed = stack.submit(parameters={"fail_permanently": True})
    stack.wait_for(failed, "failed")
    wait_until(lambda: stack.sql("SELECT count(*) FROM tasks")[0][0] == 1, what="the tasks to be deleted")
    assert stack.sql("SELECT DISTINCT task_id::text FROM events") == [(failed,)]
    scrape = observed.totals()
    assert scrape.sum("atropos_tasks_submitted_total") == 6
    assert scrape.sum("atropos_tasks_finished_total", outcome="completed") == 5
    deleted = [observed.scrape(name).sum("atropos_retention_deleted_total") for name in observed.dispatchers()]
    assert sum(deleted) == 5
    wait_until(lambda: observed.scrape(observed.leaders()[0]).sum("atropos_retention_behind_seconds") < 5)
    for path in ("", "/status", "/events", "/logs", "/result"):
        assert stack.http.get(f"/tasks/{gone[0]}{path}").status_code == 404
    reconnect = stack.http.get(f"/tasks/{gone[0]}/events", headers={"Last-Event-ID": "1"})
    assert reconnect.json()["type"] == "urn:atropos:problem:task-not-found"


def test_a_dispatcher_that_deletes_ends_at_once(own_stack: Stack) -> None:
    """SIGTERM in the middle of a backlog: it is gone within a second or two, and what is left is whole."""
    history = History(own_stack)
    history.many(100_000)
    history.ended(days=1)
    history.add_up()
    own_stack.start("dispatcher", retention_completed_days="5")
    wait_until(lambda: own_stack.sql("SELECT count(*) < 100001 FROM tasks")[0][0], what="the first batch")
    assert own_stack.kill("dispatcher", signal.SIGTERM) == 0
    assert 1 < own_stack.sql("SELECT count(*) FROM tasks")[0][0] < 100_001


def test_the_next_dispatcher_catches_up(own_stack: Stack) -> None:
    """What piled up while none ran is deleted, while new tasks are handed out."""
    history = History(own_stack)
    history.many(20 * BATCH)
    observed = Observed(own_stack).start_all(retention_completed_days="5")
    own_stack.wait_for(own_stack.submit(), "completed")
    wait_until(lambda: own_stack.sql("SELECT count(*) FROM tasks")[0][0] == 1, seconds=60)
    with httpx.Client() as client:
        assert client.get(own_stack.api_url + "/health").json()["status"] == "ok"
    assert observed.scrape("dispatcher").sum("atropos_retention_deleted_total", state="completed") == 20 * BATCH
