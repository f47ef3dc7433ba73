"""What the number of rows costs: `make bench-data`. It calls the core's functions, without HTTP and workers."""

import argparse
import os
import platform
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_cli.embedded import PostgresServer
from atropos_core import queries, task_lists, tasks
from atropos_core.db import Database
from atropos_core.drafts import TaskDraft
from atropos_core.lifecycle import TaskStatus
from atropos_core.migrate import migrate
from atropos_core.retention import Pass
from atropos_core.settings import Settings
from atropos_core.task_lists import TaskFilter, first_id
from atropos_core.tasks import Claim, Completion
from atropos_worker.retention import Retention
from atropos_worker.runtime import Runtime
from benchmarks.rows import DAYS, fill, filters

#: Nothing of the loading is logged or synced; what is measured then runs with PostgreSQL's defaults.
LOADING = {"fsync": "off", "wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB", "autovacuum": "off"}
#: Looked for a vacuum once a second, since a measurement does not last for minutes.
MEASURING = {"autovacuum_naptime": "1s"}
PLAIN = MEASURING | {"full_page_writes": "off"}
#: Tasks that go through their whole life under load.
LIVES = 60_000
Row = tuple[str, str]
Result = TypeVar("Result")


class Measured:
    """A filled database, and what was seen on it."""

    def __init__(self, database: Database, count: int) -> None:
        self.database = database
        self.count = count
        self.rows: list[Row] = []
        self.ids = self.do(lambda session: session.scalars(_SAMPLE, {"share": min(100.0, 1e5 / count)}).all())

    def do(self, work: Callable[[Session], Result]) -> Result:
        with self.database.transaction() as session:
            return work(session)

    def sql(self, statement: str) -> list[float]:
        with self.database.transaction() as session:
            return [float(value or 0) for value in session.execute(text(statement)).one()]

    def times(self, name: str, work: Callable[[Session], object], repeats: int = 300) -> None:
        """Time transactions, for a row of the table."""
        self.add(name, timed(self.database, work, repeats))

    def add(self, name: str, seen: list[float]) -> None:
        """A row with the median and the 95th percentile of milliseconds."""
        self.rows.append((f"{name}, ms", f"{statistics.median(seen):.1f} / {percentile(seen, 0.95):.1f}"))


_SAMPLE = text("SELECT id FROM tasks TABLESAMPLE SYSTEM (:share) LIMIT 1000")


def timed(database: Database, work: Callable[[Session], object], repeats: int) -> list[float]:
    """Milliseconds of each transaction; the first three are not counted."""
    seen = []
    for _ in range(repeats + 3):
        began = time.perf_counter()
        with database.transaction() as session:
            work(session)
        seen.append((time.perf_counter() - began) * 1000)
    return seen[3:]


def percentile(seen: list[float], share: float) -> float:
    """The value below which that share of the others lies."""
    return sorted(seen)[min(len(seen) - 1, int(len(seen) * share))]


def drafts(count: int) -> list[TaskDraft]:
    """Tasks that nobody dispatches but this benchmark."""
    return [TaskDraft(task_type="default", queue="bench", parameters={"rows": 5000}) for _ in range(count)]


def reads(measured: Measured) -> None:
    """What people and the dispatcher ask."""

    def status(session: Session) -> None:
        queries.queue_position(session, queries.get_task(session, random.choice(measured.ids)))  # noqa: S311

    def stats(session: Session) -> None:
        queries.live_counts(session)
        queries.event_totals(session)
        queries.event_totals(session, since=datetime.now(UTC) - timedelta(hours=1))

    measured.times("status", status)
    middle = first_id(datetime.now(UTC) - timedelta(days=DAYS / 2), timedelta(0))
    for name, before in (("first page of 50, each filter", None), ("page in the middle, each filter", middle)):
        seen: list[float] = []
        for chosen in filters():
            seen += timed(measured.database, lambda session: _page(session, chosen, before), 20)  # noqa: B023
        measured.add(name, seen)
    measured.times("stats", stats, 50)
    measured.times("what is due", queries.seconds_until_due, 50)


def _page(session: Session, chosen: TaskFilter, before: UUID | None) -> object:
    return task_lists.list_tasks(session, chosen, limit=51, before=before)


def writes(measured: Measured) -> None:
    """What a task costs on its way."""
    measured.times("submit one", lambda session: tasks.submit(session, drafts(1)), 500)
    measured.times("submit 1,000", lambda session: tasks.submit(session, drafts(1000)), 20)
    measured.times("dispatch 200", lambda session: tasks.dispatch(session, "bench", room=200), 50)
    waiting = text("SELECT id FROM tasks WHERE status = 'pending' AND run_at <= now() LIMIT 303")
    due = iter(measured.do(lambda session: session.scalars(waiting).all()))
    measured.times("claim one", lambda session: tasks.claim(session, {next(due): None}, worker="w", lease=600))


def lives(measured: Measured) -> None:
    """WAL and dead tuples of tasks that are submitted by 1,000, dispatched by 200, claimed and completed by 20.

    Without the images of pages that are changed for the first time after a checkpoint: they come from where the loaded
    rows happen to have left room.
    """
    before = measured.sql("SELECT pg_current_wal_insert_lsn() - '0/0'")[0]
    most = 0.0
    for _ in range(LIVES // 1000):
        made = drafts(1000)
        measured.do(lambda session: tasks.submit(session, made))  # noqa: B023
        for _ in range(5):
            measured.do(lambda session: tasks.dispatch(session, "bench", room=200))
        for start in range(0, 1000, 20):
            measured.do(lambda session: _run(session, [draft.id for draft in made[start : start + 20]]))  # noqa: B023
        most = max(most, measured.sql("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'tasks'")[0])
    logged = measured.sql("SELECT pg_current_wal_insert_lsn() - '0/0'")[0] - before
    measured.rows.append(("WAL of a task's life without page images, bytes", f"{logged / LIVES:,.0f}"))
    measured.rows.append((f"most dead tuples of `tasks` while {LIVES:,} tasks ran", f"{most:,.0f}"))


def _run(session: Session, task_ids: list[UUID]) -> None:
    claimed = tasks.claim(session, dict.fromkeys(task_ids), worker="w", lease=600)
    held = [Claim(task_id=task.id, fence=task.fence) for task, _ in claimed]
    tasks.complete(session, [Completion(claim=claim, result='{"rows": 5000}', seconds=0.01) for claim in held])


def sizes(measured: Measured) -> None:
    """Bytes on disk."""
    for table in ("tasks", "events"):
        heap, indexes = measured.sql(f"SELECT pg_table_size('{table}'), pg_indexes_size('{table}')")
        each = f"{heap / measured.count:,.0f}, {indexes / measured.count:,.0f}"
        measured.rows.append((f"{table}: table, indexes; bytes a task", each))


def retention(measured: Measured) -> None:
    """How quickly it deletes without a rest, and what a submit notices of it with its rests."""
    walk, deleted, began = Pass(TaskStatus.COMPLETED, DAYS * 0.75 * 86_400), 0, time.perf_counter()
    while time.perf_counter() - began < 10:
        batch = measured.do(walk.delete_batch)
        deleted += batch.deleted
        if batch.last:
            break
    rate = deleted / (time.perf_counter() - began)
    measured.rows.append(("retention without rests, tasks deleted/s", f"{rate:,.0f}"))
    measured.times("submit one, retention at rest", lambda session: tasks.submit(session, drafts(1)), 1000)
    with deleting(measured.database):
        measured.times("submit one, retention at work", lambda session: tasks.submit(session, drafts(1)), 1000)


@contextmanager
def deleting(database: Database) -> Iterator[None]:
    """The dispatcher's thread at work on a backlog, here."""
    settings = Settings(database_url=str(database.engine.url), retention_completed_days=DAYS / 4)
    thread = Retention(Runtime(settings, "bench"), leads=lambda: True)
    thread.start()
    threading.Event().wait(0.5)
    try:
        yield
    finally:
        thread.stop()


def measure(count: int) -> list[Row]:
    """The rows of the table for that many tasks."""
    with tempfile.TemporaryDirectory(prefix="atropos-bench-") as directory:
        with serving(Path(directory), LOADING) as database:
            migrate(database)
            fill(database.engine, count)
        with serving(Path(directory), MEASURING) as database:
            measured = Measured(database, count)
            sizes(measured)
            for part in (reads, writes, retention):
                part(measured)
        with serving(Path(directory), PLAIN) as database:
            measured.database = database
            lives(measured)
    return measured.rows


@contextmanager
def serving(directory: Path, options: dict[str, str]) -> Iterator[Database]:
    """PostgreSQL on the folder."""
    server = PostgresServer(directory / "postgres", options=options)
    server.start()
    database = Database(Settings(database_url=server.url), name="bench")
    try:
        yield database
    finally:
        database.close()
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[10_000, 1_000_000], help="10000 1000000; 10000000 fits")
    counts = parser.parse_args().rows
    found = []
    for count in counts:
        print(f"{count:,} tasks", flush=True)
        found.append(measure(count))
    print(f"\n{os.cpu_count()} cores, {platform.machine()}; times are median / 95th percentile\n")
    print(f"| | {' | '.join(f'{count:,}' for count in counts)} |\n|---|{'---|' * len(counts)}")
    for rows in zip(*found, strict=True):
        print(f"| {rows[0][0]} | {' | '.join(value for _, value in rows)} |")


if __name__ == "__main__":
    main()
