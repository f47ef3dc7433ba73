"""An OpenTelemetry collector for tests: it takes OTLP over HTTP and keeps the spans."""

import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.stack import Stack, wait_until

#: Names of the spans of one attempt.
ATTEMPT = ("dispatch default", "attempt default", "claim", "handler default", "settle")


@dataclass(frozen=True)
class Span:
    """One span that arrived; ids are hexadecimal, and `parent_id` is empty for a root."""

    name: str
    kind: str
    service: str
    instance: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]
    failed: bool
    #: Types of the exceptions that it recorded.
    exceptions: tuple[str, ...]


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: _value(item) for item in attributes}


def _value(item: KeyValue) -> Any:
    return getattr(item.value, item.value.WhichOneof("value") or "string_value")


def _span(wire: WireSpan, resource: dict[str, Any]) -> Span:
    return Span(
        name=wire.name,
        kind=WireSpan.SpanKind.Name(wire.kind).removeprefix("SPAN_KIND_"),
        service=resource["service.name"],
        instance=resource["service.instance.id"],
        trace_id=wire.trace_id.hex(),
        span_id=wire.span_id.hex(),
        parent_id=wire.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in wire.links),
        attributes=_values(wire.attributes),
        failed=wire.status.code == Status.STATUS_CODE_ERROR,
        exceptions=tuple(_values(event.attributes)["exception.type"] for event in wire.events),
    )


class Collector:
    """Listens on a free port while the block lasts."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector._keep(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing: the spans are what counts."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Collector":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            resource = _values(group.resource.attributes)
            self.spans += [_span(wire, resource) for scope in group.scope_spans for wire in scope.spans]

    def trace(self, trace_id: str, *names: str, seconds: float = 15.0) -> list[Span]:
        """The spans of a trace, once there is one for each of the names; a name twice needs two."""

        def complete() -> list[Span] | None:
            found = [span for span in list(self.spans) if span.trace_id == trace_id]
            held = [span.name for span in found]
            return found if all(held.count(name) >= names.count(name) for name in names) else None

        def seen() -> list[str]:
            return [span.name for span in list(self.spans) if span.trace_id == trace_id]

        try:
            return wait_until(complete, seconds=seconds, what=f"{names}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the trace has {seen()}") from None


def trace_id_of(stack: Stack, task_id: str) -> str:
    """The task's trace."""
    found: str = stack.task(task_id)["trace_id"]
    assert re.fullmatch(r"[0-9a-f]{32}", found)
    return found


def named(spans: list[Span], name: str) -> Span:
    """The one span of this name."""
    [found] = [span for span in spans if span.name == name]
    return found
