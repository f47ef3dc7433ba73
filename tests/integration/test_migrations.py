"""The migrations on a real server: side by side, and again after one was cut off."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from atropos_cli.embedded import PostgresServer
from atropos_core.db import Database
from atropos_core.migrate import is_current, migrate
from atropos_core.settings import Settings
from tests.stack import QUICK


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    """PostgreSQL without a schema."""
    made = PostgresServer(tmp_path / "postgres", options=QUICK)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    made = Database(Settings(database_url=server.url), name="test")
    try:
        yield made
    finally:
        made.close()


def _scalar(database: Database, statement: str) -> object:
    with database.transaction() as session:
        return session.scalar(text(statement))


def test_migrations_side_by_side(server: PostgresServer, database: Database) -> None:
    """A build of an index CONCURRENTLY waits for open statements, but none of a migration that waits for its turn."""
    command = [sys.executable, "-m", "atropos_core.migrate"]
    running = [subprocess.Popen(command, env={"ATROPOS_DATABASE_URL": server.url}) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with database.engine.connect() as connection:
        assert is_current(connection)


def test_an_index_that_was_cut_off_is_built_anew(database: Database) -> None:
    """A build that was killed leaves an invalid index, which no query uses: the next try replaces it."""
    migrate(database)
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
        session.execute(text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tasks_by_status'::regclass"))
    migrate(database)
    assert _scalar(database, "SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'tasks'::regclass") is True
    assert _scalar(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
