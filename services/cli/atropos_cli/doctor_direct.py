"""Looks at database and broker without the API; called by commands_doctor.py where atropos_core is installed."""

import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from atropos_cli.doctor import Findings
from atropos_cli.output import duration
from atropos_core import queries
from atropos_core.db import Database
from atropos_core.events import connect_redis
from atropos_core.migrate import current_revision, newest_revision
from atropos_core.settings import Settings

Answer = TypeVar("Answer")


def look() -> Findings:
    """What the servers say that the environment names; what it does not name is not looked at.

    Raises ValueError for a setting that is not valid.
    """
    settings = Settings()
    broker = _look_at_broker(settings) if "redis_url" in settings.model_fields_set else None
    if "database_url" not in settings.model_fields_set:
        return Findings(broker=broker)
    database = Database(settings, name="doctor", statement_timeout=settings.statement_timeout_seconds)
    try:
        with database.sessions() as session:
            return _look_at_database(session, settings, broker)
    except SQLAlchemyError as error:
        return Findings(database=(False, _first_line(error)), broker=broker)
    finally:
        database.close()


def _look_at_database(session: Session, settings: Settings, broker: tuple[bool, str] | None) -> Findings:
    seconds, schema = _timed(lambda: _look_at_schema(session.connection()))
    found = Findings(database=(True, f"answers in {duration(seconds)}"), schema=schema, broker=broker)
    if not schema[0]:
        return found
    processes = queries.live_processes(session, timeout=settings.process_timeout_seconds)
    workers = [process for process in processes if process.role == "worker"]
    queues = queries.live_counts(session)
    return Findings(
        database=found.database,
        schema=schema,
        broker=broker,
        dispatchers=len(processes) - len(workers),
        workers=len(workers),
        slots=sum(worker.slots for worker in workers),
        busy=sum(queue["processing"] for queue in queues),
        queue_depth=sum(queue["pending"] for queue in queues),
    )


def _look_at_schema(connection: Connection) -> tuple[bool, str]:
    current, newest = current_revision(connection), newest_revision()
    if current is None:
        return False, "there is none yet"
    if current < newest:
        return False, f"at {current}; this version needs {newest}"
    return True, f"at {current}"


def _look_at_broker(settings: Settings) -> tuple[bool, str]:
    try:
        with connect_redis(settings) as client:
            seconds, _ = _timed(client.ping)
    except (RedisError, ValueError) as error:
        return False, _first_line(error)
    return True, f"answers in {duration(seconds)}"


def _timed(ask: Callable[[], Answer]) -> tuple[float, Answer]:
    started = time.monotonic()
    answer = ask()
    return time.monotonic() - started, answer


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
