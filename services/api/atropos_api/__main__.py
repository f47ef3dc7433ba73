"""`python -m atropos_api` serves the API until it is asked to stop."""

import signal
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from atropos_api import connection
from atropos_api.main import create_app
from atropos_api.watch import Watcher
from atropos_core.settings import get_settings
from atropos_core.telemetry import configure_logging
from atropos_core.tracing import configure_tracing

#: Seconds that requests in flight get to finish.
GRACE_SECONDS = 15
#: uvicorn's ticks, of 0.1 s, between two looks at all connections.
LOOK_TICKS = 10

log = structlog.get_logger("atropos.api")


class Server(uvicorn.Server):
    """Ends the event streams when asked to stop: they would hold it up otherwise."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self.app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        log.info("atropos.api.stopping", signal=signal.Signals(sig).name)
        watcher: Watcher | None = getattr(self.app.state, "watcher", None)
        if watcher is not None:
            watcher.stop()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOK_TICKS == 0:
            connection.look(self.server_state.connections)
        return await super().on_tick(counter)


def main() -> None:
    """Serve."""
    settings = get_settings()
    configure_logging(settings, process="api")
    configure_tracing(settings, process="api")
    app = create_app(settings)
    app.state.max_connections = connection.room_for_connections(settings)
    config = uvicorn.Config(
        app,
        http=connection.Connection,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    log.info(
        "atropos.api.starting", host=settings.api_host, port=settings.api_port, connections=app.state.max_connections
    )
    Server(config, app).run()


if __name__ == "__main__":
    main()
