"""`python -m atropos_api` serves the API until it is asked to stop."""

import signal
import time
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
    """Drains on SIGTERM, so that no request meets a closed door; then, or on SIGINT, it ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, drain_seconds: float) -> None:
        super().__init__(config)
        self.app = app
        self._drain_seconds = drain_seconds
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self._drain_seconds and self._drained_at is None:
            self._drain()
        else:
            self._end(sig, frame)

    def _drain(self) -> None:
        """Take requests as ever, but ask each client to take the next one elsewhere.

        It stays ready: Kubernetes knows that it goes, and while all pods go, Services still lead to those that are.
        """
        log.info("atropos.api.draining", seconds=self._drain_seconds)
        self.config.encoded_headers.append((b"connection", b"close"))  # on_tick brings it into the answers
        self._drained_at = time.monotonic() + self._drain_seconds

    def _end(self, sig: int, frame: FrameType | None) -> None:
        """Event streams end at once: they would hold it up otherwise."""
        log.info("atropos.api.stopping", signal=signal.Signals(sig).name)
        watcher: Watcher | None = getattr(self.app.state, "watcher", None)
        if watcher is not None:
            watcher.stop()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOK_TICKS == 0:
            connection.look(self.server_state.connections)
        if self._drained_at is not None and time.monotonic() >= self._drained_at and not self.should_exit:
            self._end(signal.SIGTERM, None)
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
    Server(config, app, drain_seconds=settings.api_drain_seconds).run()


if __name__ == "__main__":
    main()
