"""`python -m atropos_core.migrate` brings the schema up to this code; with `--wait` it waits until somebody did."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from atropos_core.db import Database, is_outage
from atropos_core.errors import SchemaOutdated
from atropos_core.settings import get_settings
from atropos_core.telemetry import configure_logging

#: Any number that no other user of the database takes: one migration runs at a time.
ADVISORY_LOCK = 0x41_74_72_6F_70_6F_73  # "Atropos"
LOCK_POLL_SECONDS = 0.2

log = structlog.get_logger("atropos.migrate")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@lru_cache
def newest_revision() -> str:
    """The revision that this code was written for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "migrations/versions is empty"  # noqa: S101
    return head


def current_revision(connection: Connection) -> str | None:
    """The revision of the database; none before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def is_current(connection: Connection) -> bool:
    """Whether the database has at least this code's schema. A newer one serves older code too."""
    current = current_revision(connection)
    return current is not None and current >= newest_revision()


def migrate(database: Database) -> None:
    """Bring the schema to `newest_revision()`; leaves a newer one alone."""
    with database.engine.connect() as connection, _alone(connection):
        if is_current(connection):
            log.info("atropos.schema.current", revision=current_revision(connection))
            return
        connection.rollback()  # Alembic begins a transaction of its own for each revision
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        log.info("atropos.schema.migrated", revision=newest_revision())


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Wait until no other migration runs, and keep others waiting.

    Between two tries no statement is open: the other one may build an index CONCURRENTLY, which waits for all that are.
    """
    key = {"key": ADVISORY_LOCK}
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
        connection.rollback()
        time.sleep(LOCK_POLL_SECONDS)
    connection.rollback()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def require_schema(connection: Connection) -> None:
    """Raise SchemaOutdated unless the schema is current."""
    if not is_current(connection):
        raise SchemaOutdated(f"the schema is at {current_revision(connection)}, this code needs {newest_revision()}")


def check(database: Database) -> None:
    """Like `require_schema`, on a connection of its own; an outage of the database raises its own error."""
    with database.engine.connect() as connection:
        require_schema(connection)


def main() -> int:
    """The command: 0 when the schema is current, 1 when it could not be made so in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wait", action="store_true", help="only wait until the schema is current")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for the database (60)")
    options = parser.parse_args()
    settings = get_settings()
    configure_logging(settings, process="migrate")
    if settings.database_pooler and not options.wait:
        log.error("atropos.schema.behind_pooler", hint="give the migration the address of PostgreSQL itself")
        return 1
    database = Database(settings, name="migrate")
    deadline = time.monotonic() + options.timeout
    said = ""
    while True:
        try:
            (check if options.wait else migrate)(database)
            return 0
        except Exception as error:
            retryable = is_outage(error) or (options.wait and isinstance(error, SchemaOutdated))
            if not retryable or time.monotonic() > deadline:
                log.exception("atropos.schema.failed")
                return 1
            if (reason := str(error).splitlines()[0]) != said:
                log.info("atropos.schema.waiting", reason=reason)
                said = reason
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
