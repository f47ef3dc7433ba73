"""The spans of the dispatcher and of an attempt, and how each hands the trace on to the next."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode

from atropos_core import tracing
from atropos_core.models import Task
from atropos_core.tasks import Failure
from atropos_core.tracing import tracer
from atropos_worker.outcome import Failed, Outcome, RetryLater


def _attributes(task: Task, operation: str) -> dict[str, str | int]:
    return {
        "atropos.task_id": str(task.id),
        "atropos.task_type": task.task_type,
        "atropos.queue": task.queue,
        "messaging.system": "redis",
        "messaging.destination.name": task.queue,
        "messaging.operation.type": operation,
    }


def _link(span: Span, traceparent: str | None) -> None:
    before = trace.get_current_span(tracing.context_of(traceparent)).get_span_context()
    if before.is_valid:
        span.add_link(before)


@contextmanager
def dispatching(tasks: Sequence[Task]) -> Iterator[Sequence[str | None]]:
    """The spans in which ids are handed to Redis, and the traceparents for their messages; none without tracing.

    None is made the current one: the call of Redis takes all of their time, and needs no span of its own.
    """
    if not tracing.enabled():
        yield [None] * len(tasks)
        return
    spans = [_dispatching(task) for task in tasks]
    try:
        yield [tracing.traceparent_of(span) for span in spans]
    except Exception as error:
        for span in spans:
            span.record_exception(error)
            span.set_status(StatusCode.ERROR)
        raise
    finally:
        for span in spans:
            span.end()


def _dispatching(task: Task) -> Span:
    context = tracing.context_of(task.traceparent)
    attributes = _attributes(task, "send")
    span = tracer.start_span(f"dispatch {task.queue}", context=context, kind=SpanKind.PRODUCER, attributes=attributes)
    _link(span, task.attempt_traceparent)
    return span


class AttemptSpans:
    """The span of one attempt and those below it. One that is never ended, as nothing was claimed, is never sent."""

    def __init__(self, traceparent: str | None) -> None:
        """`traceparent` is that of the message."""
        self._began = time.time_ns()
        self._span: Span = INVALID_SPAN
        if traceparent:
            self._begin(traceparent)
        self._handler: Span = INVALID_SPAN

    def _begin(self, traceparent: str | None) -> None:
        context = tracing.context_of(traceparent)
        self._span = tracer.start_span("attempt", context=context, kind=SpanKind.CONSUMER, start_time=self._began)

    @property
    def traceparent(self) -> str | None:
        """What the claim writes for the next attempt; none unless it will be sent."""
        return tracing.traceparent_of(self._span) if self._span.is_recording() else None

    @property
    def trace_id(self) -> str | None:
        """The id of the trace, for lines of the log."""
        return tracing.trace_id_of(self._span)

    def claimed(self, task: Task, previous: str | None) -> None:
        """The task is ours; `previous` is the traceparent of the attempt before."""
        now = time.time_ns()
        if self._span is INVALID_SPAN:  # Sent by a dispatcher that does not trace.
            self._begin(task.traceparent)
        if self._span.is_recording():
            self._span.update_name(f"attempt {task.task_type}")
            self._span.set_attributes({**_attributes(task, "process"), "atropos.attempt": task.attempt})
            _link(self._span, previous)
            context = trace.set_span_in_context(self._span)
            tracer.start_span("claim", context=context, start_time=self._began).end(now)

    def current(self) -> AbstractContextManager[Span]:
        """Make the attempt's span the current one."""
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    @contextmanager
    def handler(self, task_type: str) -> Iterator[None]:
        """The span of the handler, whose own spans are below it."""
        self._handler = tracer.start_span(f"handler {task_type}")
        try:
            # The attempt's span tells the exception, whoever settles it.
            with trace.use_span(self._handler, record_exception=False):
                yield
        finally:
            _end_once(self._handler)

    @contextmanager
    def settling(self) -> Iterator[None]:
        """The span in which the outcome is written, and the statements below it."""
        with self.current(), tracer.start_as_current_span("settle"):
            yield

    def settled_since(self, began: int) -> None:
        """The same for an outcome that was written beside another, from `began`, in nanoseconds, to now."""
        tracer.start_span("settle", context=trace.set_span_in_context(self._span), start_time=began).end()

    def end(self, outcome: Outcome, word: str) -> None:
        """End what still runs; `word` names what was written."""
        if self._handler.is_recording():
            self._handler.set_status(StatusCode.ERROR, "killed")
            _end_once(self._handler)
        self._span.set_attribute("atropos.outcome", word)
        if isinstance(outcome, Failed | RetryLater):
            _tell_failure(self._span, outcome.failure)
        self._span.end()


def _end_once(span: Span) -> None:
    # The lease keeper may have ended it for a handler that did not stop; the SDK complains of a second end.
    if span.is_recording():
        span.end()


def _tell_failure(span: Span, failure: Failure) -> None:
    attributes = {"exception.type": failure.type, "exception.message": failure.message}
    if failure.traceback is not None:
        attributes["exception.stacktrace"] = failure.traceback
    span.add_event("exception", attributes)
    span.set_attribute("error.type", failure.reason.value)
    span.set_status(StatusCode.ERROR, f"{failure.type}: {failure.message}"[:300])
