"""The API's own metrics: requests by route. docs/metrics.md lists them."""

from fastapi import FastAPI, Request, Response
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_fastapi_instrumentator import Instrumentator

#: Probes tell nothing, and a stream is open for as long as somebody looks.
EXCLUDED = ["^/metrics$", "^/livez$", "^/readyz$", "^/health$", "/events$"]


def install(app: FastAPI) -> None:
    """Measure every request, and serve `/metrics`."""
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    Instrumentator(
        should_group_status_codes=False,
        excluded_handlers=EXCLUDED,
        registry=registry,
    ).instrument(app)

    @app.get("/metrics", include_in_schema=False)
    def get_metrics(request: Request) -> Response:
        """The instrumentator's own endpoint never speaks OpenMetrics."""
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except (TypeError, ValueError):  # A version that is none.
            encode, content_type = choose_encoder("")
        return Response(encode(registry), headers={"Content-Type": content_type})
