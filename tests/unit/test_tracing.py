"""Trace contexts as text, what is logged of the SDK, and what a statement is called."""

import logging

import pytest
from opentelemetry import trace

from atropos_core import tracing
from atropos_core.client_spans import summary
from atropos_core.settings import Settings

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_traceparent_comes_back_as_it_was() -> None:
    """Read and written, it is the same, and it names its trace."""
    span = trace.get_current_span(tracing.context_of(TRACEPARENT))
    assert tracing.traceparent_of(span) == TRACEPARENT
    assert tracing.trace_id_of(span) == "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("broken", [None, "", "00-0-0-01", TRACEPARENT.upper().replace("4BF9", "WXYZ"), "\x00" * 55])
def test_a_traceparent_that_is_not_valid_is_no_trace(broken: str | None) -> None:
    """Whatever a caller sends raises nothing and leads nowhere."""
    span = trace.get_current_span(tracing.context_of(broken))
    assert (tracing.traceparent_of(span), tracing.trace_id_of(span)) == (None, None)


def test_without_a_collector_tracing_is_off() -> None:
    """Configuring and ending it does nothing, and a span records nothing."""
    tracing.configure_tracing(Settings(otlp_endpoint=None), process="test")
    tracing.flush_tracing()
    tracing.shutdown_tracing()
    assert not tracing.enabled()
    assert not tracing.tracer.start_span("nothing").is_recording()


def test_the_sdk_complains_once_a_minute() -> None:
    """Its second record is kept back, and nobody else's."""
    few = tracing._FewComplaints()
    names = ["opentelemetry.exporter", "opentelemetry.sdk", "atropos.worker", "atropos.worker"]
    records = [logging.LogRecord(name, logging.WARNING, "", 0, "away", None, None) for name in names]
    assert [few.filter(record) for record in records] == [True, False, True, True]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("WITH changed AS (UPDATE tasks SET x = 1 RETURNING *) SELECT * FROM changed", "UPDATE tasks"),
        ("\n  INSERT  INTO tasks (id) VALUES (1)", "INSERT tasks"),
        ("SELECT * FROM tasks", "SELECT"),
        ("delete from events", "DELETE events"),
    ],
)
def test_a_statement_is_named_by_what_it_changes(statement: str, name: str) -> None:
    """Few names, so that a collector can group by them."""
    assert summary(statement) == name
