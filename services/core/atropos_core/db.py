"""Connections and transactions. Nobody else commits, except the API's session dependency through this class."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from atropos_core import tracing
from atropos_core.client_spans import trace_statements
from atropos_core.settings import Settings

Result = TypeVar("Result")
log = structlog.get_logger("atropos.db")

#: Detects a peer that vanished without a word: no half-open connection blocks a heartbeat for longer.
CONNECTION_OPTIONS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
}


class Database:
    """The engine of one process. A forked child makes its own."""

    def __init__(self, settings: Settings, *, name: str, statement_timeout: float | None = None) -> None:
        """`name` is what pg_stat_activity shows; `statement_timeout` is in seconds, none means no limit."""
        milliseconds = int((statement_timeout or 0) * 1000)
        options = f"-c statement_timeout={milliseconds}" if milliseconds and not settings.database_pooler else ""
        self.engine = create_engine(
            settings.database_address,
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            pool_use_lifo=True,
            connect_args={**CONNECTION_OPTIONS, "application_name": f"atropos-{name}", "options": options},
        )
        if milliseconds and settings.database_pooler:
            _limit_transactions(self.engine, milliseconds)
        if tracing.enabled():
            trace_statements(self.engine)
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends, and rolls back when it raises."""
        with self.sessions() as session, session.begin():
            yield session

    def retrying(self, operation: Callable[[Session], Result], *, seconds: float, wait: float = 0.2) -> Result:
        """What `operation` returns from a transaction of its own, tried again while the database is away.

        A commit whose answer was lost may be repeated, so `operation` must be a guarded transition.
        Raises the last OperationalError or InterfaceError after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self.transaction() as session:
                    return operation(session)
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() >= deadline:
                    raise
                log.warning("atropos.database.retrying", error=str(error.orig))
                time.sleep(wait)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _limit_transactions(engine: Engine, milliseconds: int) -> None:
    """Set the statement timeout in each transaction: behind a pooler the next one may have another connection."""

    @event.listens_for(engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")


def is_outage(error: BaseException) -> bool:
    """Whether it says that the database is away or overloaded, rather than that a statement is wrong."""
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
