"""How PostgreSQL answers what is asked most, with 200,000 tasks in it: from an index, never by reading the table."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from benchmarks.rows import DAYS, fill
from sqlalchemy import event
from sqlalchemy.orm import Session

from atropos_core import dependencies, queries, tasks
from atropos_core.drafts import TaskDraft
from atropos_core.lifecycle import DependencyFailure, TaskStatus, new_task_id
from atropos_core.retention import Pass
from atropos_core.task_lists import TaskFilter, first_id, list_tasks, matching_ids
from tests.stack import Stack

MIDDLE = datetime.now(UTC) - timedelta(days=DAYS / 2)
WINDOW = {"created_from": MIDDLE, "created_before": MIDDLE + timedelta(hours=6)}
OLD = first_id(MIDDLE, timedelta(0))
ACTIVE = (TaskStatus.PENDING, TaskStatus.PROCESSING)
UNSUCCESSFUL = (TaskStatus.FAILED, TaskStatus.CANCELLED)
#: What is asked, and the indexes that answer it.
PAGES: dict[str, tuple[TaskFilter, set[str]]] = {
    "all": (TaskFilter(), {"tasks_pkey"}),
    **{state: (TaskFilter(statuses=[state]), {"tasks_by_status"}) for state in TaskStatus},
    "two states": (TaskFilter(statuses=UNSUCCESSFUL), {"tasks_by_status"}),
    "a type": (TaskFilter(task_types=["video_processing"]), {"tasks_by_type"}),
    "a rare label": (TaskFilter(labels={"customer": "customer-200"}), {"tasks_by_label"}),
    "a window": (TaskFilter(**WINDOW), {"tasks_pkey"}),  # type: ignore[arg-type]
    "a state in a window": (TaskFilter(statuses=["failed"], **WINDOW), {"tasks_by_status"}),  # type: ignore[arg-type,list-item]
    "a state and a common label": (
        TaskFilter(statuses=[TaskStatus.COMPLETED], labels={"team": "team-2"}),
        {"tasks_by_status"},
    ),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A database with a past; nothing in it is changed."""
    stack = Stack(tmp_path_factory.mktemp("plans"))
    try:
        stack.start_servers()
        fill(stack.database.engine, 200_000)
        yield stack
    finally:
        stack.stop()


class Plans:
    """What PostgreSQL would do for the statements of one call."""

    def __init__(self, stack: Stack, ask: Callable[[Session], object]) -> None:
        self.nodes: list[dict[str, Any]] = []
        seen: list[tuple[str, Any]] = []
        with stack.database.sessions() as session:

            def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
                seen.append((statement, values))

            event.listen(session.connection(), "before_cursor_execute", note)
            ask(session)
            session.rollback()
        with stack.database.engine.connect() as connection:
            for statement, values in seen:
                if not statement.startswith(("SET", "SAVEPOINT")):
                    found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
                    self._add(found[0]["Plan"])

    def _add(self, node: dict[str, Any]) -> None:
        self.nodes.append(node)
        for part in node.get("Plans", ()):
            self._add(part)

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def read_whole(self) -> set[str]:
        """Large tables that would be read from beginning to end."""
        whole = {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}
        return whole & {"tasks", "events", "statistics"}


@pytest.mark.parametrize("before", [None, OLD], ids=["newest", "older"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_from_an_index(filled: Stack, name: str, before: UUID | None) -> None:
    """Each filter has an index that leads to its first page, and to one in the middle."""
    chosen, indexes = PAGES[name]
    plans = Plans(filled, lambda session: list_tasks(session, chosen, limit=51, before=before))
    assert (plans.indexes, plans.read_whole) == (indexes, set())


@pytest.mark.parametrize("among", [ACTIVE, UNSUCCESSFUL], ids=["cancel", "retry"])
def test_a_bulk_change_finds_its_tasks_by_state(filled: Stack, among: tuple[TaskStatus, ...]) -> None:
    """It does not walk through all the completed ones before them."""
    plans = Plans(
        filled, lambda session: matching_ids(session, TaskFilter(task_types=["default"]), among, limit=10_001)
    )
    assert (plans.indexes, plans.read_whole) == ({"tasks_by_status"}, set())


def _tell(session: Session) -> None:
    first = TaskDraft(task_type="default", queue="default", parameters={})
    for on_failure in DependencyFailure:
        last = replace(first, id=new_task_id(), depends_on=[first.id], on_dependency_failure=on_failure)
        tasks.submit(session, [first, last])
        tasks.cancel(session, [first.id])
        assert [task.id for task in dependencies.tell(session).tasks] == [last.id]
        tasks.retry(session, [first.id, last.id])
        first = replace(first, id=new_task_id())


def _position(session: Session) -> None:
    waiting = list_tasks(session, TaskFilter(statuses=[TaskStatus.PENDING]), limit=50)
    assert any(queries.queue_position(session, task) is not None for task in waiting)


#: What the dispatcher, a scrape, and `/stats`, `/health` and `/workers` ask.
CALLS: dict[str, tuple[Callable[[Session], object], set[str]]] = {
    "counts": (queries.live_counts, {"tasks_due", "tasks_dispatched", "tasks_by_status"}),
    "events of the last hour": (
        lambda session: queries.event_totals(session, since=datetime.now(UTC) - timedelta(hours=1)),
        {"statistics_pkey"},
    ),
    "due": (queries.seconds_until_due, {"tasks_due", "tasks_held"}),
    "dispatched": (queries.dispatched_counts, {"tasks_dispatched"}),
    "running": (queries.running_tasks, {"tasks_by_status"}),
    "position": (_position, {"tasks_due", "tasks_dispatched", "tasks_by_status"}),
    "dispatch": (lambda session: tasks.dispatch(session, "default", room=200), {"tasks_due", "tasks_pkey"}),
    "rescue": (tasks.rescue, {"tasks_by_status", "tasks_pkey"}),
    "retention": (
        lambda session: Pass(TaskStatus.COMPLETED, 10 * 86_400.0).delete_batch(session),
        {
            "tasks_by_status",
            "tasks_pkey",
            "events_by_task",
            "task_logs_pkey",
            "checkpoints_pkey",
            "task_dependencies_pkey",
            "task_dependencies_backwards",
        },
    ),
    "ends to tell of": (dependencies.tell, {"tasks_awaited"}),
    "dependents": (
        _tell,
        {"tasks_awaited", "tasks_pkey", "tasks_by_status", "task_dependencies_pkey", "task_dependencies_backwards"},
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_asked_all_the_time_reads_no_table(filled: Stack, name: str) -> None:
    """Every second, or at every scrape: only indexes, and rows that they name."""
    ask, indexes = CALLS[name]
    plans = Plans(filled, ask)
    assert plans.read_whole == set()
    assert plans.indexes <= indexes
    assert plans.indexes


def test_totals_do_not_grow_with_time(filled: Stack) -> None:
    """Counts since the beginning come from a few rows for each type."""
    plans = Plans(filled, queries.event_totals)
    assert plans.read_whole == set()
    assert {node["Relation Name"] for node in plans.nodes if "Relation Name" in node} == {"totals"}
