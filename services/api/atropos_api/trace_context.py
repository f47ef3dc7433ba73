"""The trace of a request: which calls have a span, and the `traceparent` of every answer. main.py installs it."""

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atropos_api.page import API_PREFIX
from atropos_core import tracing

#: Called every few seconds by machines: their spans would hide all others.
UNTRACED = {"/livez", "/readyz", "/health", "/metrics"}


def _is_untraced(scope: Scope) -> bool:
    """Probes, event streams, whose span would be open for as long as they are, and the parts of the page."""
    path: str = scope["path"].removeprefix(API_PREFIX)
    return path in UNTRACED or path.endswith("/events") or path.startswith("/_next/")


#: FastAPI makes one span of each request, named by method and route, once a provider is set; and nothing else.
TELEMETRY: TelemetryConfig = {
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
    "exclude": _is_untraced,
}


class TraceContext:
    """Answers with the `traceparent` of the request's span; without tracing a caller's is passed on as it came."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_untraced(scope):
            await self.app(scope, receive, send)
            return
        span = trace.get_current_span()
        if not span.get_span_context().is_valid:
            span = trace.get_current_span(tracing.context_of(Headers(scope=scope).get("traceparent")))
        traceparent = tracing.traceparent_of(span)
        if traceparent is None:
            await self.app(scope, receive, send)
            return

        async def send_with_traceparent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["traceparent"] = traceparent
            await send(message)

        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            await self.app(scope, receive, send_with_traceparent)
