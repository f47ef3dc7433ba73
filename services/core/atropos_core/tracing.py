"""OpenTelemetry: where spans go, and how a trace crosses processes. The only file that knows the SDK.

Without an exporter nothing of the SDK is imported, and the API's tracer makes spans that record nothing.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from atropos_core.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

#: A process that ends waits this many seconds for its last spans to arrive.
LAST_SPANS_SECONDS = 2.0
#: Spans that wait for the collector at most; what a burst makes above it is dropped, oldest first.
MAXIMUM_WAITING = 16_384
BATCH_SPANS = 512
#: Spans are sent after this many milliseconds, or when a batch is full.
SEND_MILLISECONDS = 1000
#: Of the SDK's complaints, such as a collector that is away, one in this many seconds is logged.
COMPLAINT_SECONDS = 60.0

#: Makes every span of ours.
tracer = trace.get_tracer("atropos")

_propagator = TraceContextTextMapPropagator()
_processor: "BatchSpanProcessor | None" = None


class _FewComplaints(logging.Filter):
    """Lets one record of the SDK pass in `COMPLAINT_SECONDS`, and all records of others."""

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("opentelemetry."):
            return True
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + COMPLAINT_SECONDS
        return True


def import_sdk(settings: Settings) -> None:
    """In a process that forks: import once what each child would import."""
    if settings.otlp_endpoint is not None:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace.export  # noqa: F401 - for the children


def configure_tracing(settings: Settings, *, process: str) -> None:
    """Send the spans of this process to the collector, if there is one. Call it after the fork in each child.

    Call it before clients of PostgreSQL and Redis are made: only those made later are traced.
    """
    global _processor
    if settings.otlp_endpoint is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    resource = Resource.create(
        {
            "service.name": f"atropos-{process}",
            "service.version": version("atropos-core"),
            "service.instance.id": f"{process}@{socket.gethostname()}:{os.getpid()}",
        }
    )
    _processor = BatchSpanProcessor(
        OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces"),
        max_queue_size=MAXIMUM_WAITING,
        schedule_delay_millis=SEND_MILLISECONDS,
        max_export_batch_size=BATCH_SPANS,
    )
    # Its own hook at exit would wait for a collector that is away.
    sampler = ParentBasedTraceIdRatio(settings.trace_sample_ratio)
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(_processor)
    trace.set_tracer_provider(provider)
    few_complaints = _FewComplaints()
    for handler in logging.getLogger().handlers:
        handler.addFilter(few_complaints)


def enabled() -> bool:
    """Whether spans go anywhere."""
    return _processor is not None


def flush_tracing(seconds: float = LAST_SPANS_SECONDS) -> None:
    """Send the spans that wait, for at most that long."""
    if _processor is not None:
        _bounded(_processor.force_flush, seconds)


def shutdown_tracing(seconds: float = LAST_SPANS_SECONDS) -> None:
    """Send the spans that wait, for at most that long, and none any more."""
    if _processor is not None:
        _bounded(_processor.shutdown, seconds)


def _bounded(call: Callable[[], object], seconds: float) -> None:
    # The SDK's own limits do not hold: a flush takes no timeout, and a shutdown waits 30 s.
    thread = threading.Thread(target=call, name="last-spans", daemon=True)
    thread.start()
    thread.join(seconds)


def context_of(traceparent: str | None) -> Context:
    """The context that a W3C traceparent names; an empty one if it is none, or not valid."""
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, context=Context())


def traceparent_of(span: Span) -> str | None:
    """The W3C traceparent of a span; none of one without a trace."""
    if not span.get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get("traceparent")


def current_traceparent() -> str | None:
    """The W3C traceparent of the current span."""
    return traceparent_of(trace.get_current_span())


def trace_id_of(span: Span) -> str | None:
    """The id of the span's trace, 32 hexadecimal digits; none of one without a trace."""
    found = span.get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else None
