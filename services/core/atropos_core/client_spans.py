"""Spans for calls of PostgreSQL and Redis, for db.py and events.py.

They are made below a span that records, and nowhere else: what polls, reports itself or renews a lease is no trace.
OpenTelemetry's own instrumentations trace those too, and the one of SQLAlchemy does nothing on 2.1 without a word.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import redis
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Connection, Engine, ExceptionContext, event

from atropos_core.tracing import tracer

#: Where a connection keeps the span of the statement that it runs.
_SPAN = "atropos.span"
_CHANGE = re.compile(r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)


@lru_cache(maxsize=512)
def summary(statement: str) -> str:
    """What a statement does, in two words at most: `UPDATE tasks`, `SELECT`."""
    found = _CHANGE.search(statement)
    if found is None:
        return statement.split(maxsplit=1)[0].upper()
    return f"{found[1].split()[0].upper()} {found[2]}"


def trace_statements(engine: Engine) -> None:
    """Make a span of each statement of the engine. Its text has placeholders, never values."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if trace.get_current_span().is_recording():
        name = summary(statement)
        attributes = {"db.system.name": "postgresql", "db.query.text": statement}
        connection.info[_SPAN] = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def _end(connection: Connection, *_: Any) -> None:
    if (span := connection.info.pop(_SPAN, None)) is not None:
        span.end()


def _fail(failed: ExceptionContext) -> None:
    connection = failed.connection
    if connection is None or connection.closed or connection.invalidated:
        return
    if (span := connection.info.pop(_SPAN, None)) is not None:
        span.set_status(StatusCode.ERROR, type(failed.original_exception).__name__)
        span.end()


def _traced(name: str, call: Callable[[], Any]) -> Any:
    if not trace.get_current_span().is_recording():
        return call()
    attributes = {"db.system.name": "redis", "db.operation.name": name}
    with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes):
        return call()


class TracedPipeline(redis.client.Pipeline):
    """A pipeline that makes one span of all its commands."""

    def execute(self, raise_on_error: bool = True) -> Any:
        """Run the commands, named after the first."""
        execute: Callable[..., Any] = super().execute
        return _traced(f"PIPELINE {self.command_stack[0][0][0]}", lambda: execute(raise_on_error))


class TracedRedis(redis.Redis):
    """A client that makes a span of each command."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command."""
        execute: Callable[..., Any] = super().execute_command
        return _traced(args[0], lambda: execute(*args, **options))

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> TracedPipeline:
        """Commands that are sent together."""
        return TracedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
