"""Serves `/livez`, `/readyz` and `/metrics` of a process without an API of its own, to Kubernetes and Prometheus."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

#: A check returns the reason why it fails; none when it passes.
Check = Callable[[], str | None]

log = structlog.get_logger("atropos.probes")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, checks: Mapping[str, Check]) -> None:
        self.checks = checks
        super().__init__(("", port), _Handler)

    def handle_error(self, *_: Any) -> None:
        """Tell of a check that raised, not of a client that hung up."""
        if not isinstance(sys.exception(), ConnectionError):
            log.exception("atropos.probes.failed")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    #: A client that says nothing is dropped after this many seconds.
    timeout = 5

    def do_GET(self) -> None:
        check = self.server.checks.get(self.path)
        if self.path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._send(HTTPStatus.OK, content_type, encode(REGISTRY))
        elif check is None:
            self._answer(HTTPStatus.NOT_FOUND, f"there is only {', '.join([*self.server.checks, '/metrics'])}")
        elif (reason := check()) is not None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        else:
            self._answer(HTTPStatus.OK, "ok")

    def _answer(self, code: HTTPStatus, status: str) -> None:
        self._send(code, "application/json", json.dumps({"status": status}).encode())

    def _send(self, code: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Probes come every few seconds: they are not worth a line."""


def serve_probes(port: int | None, *, live: Check, ready: Check) -> None:
    """Serve from a thread until the process ends; nothing without a port. Raises OSError if the port is taken."""
    if port is None:
        return
    server = _Server(port, {"/livez": live, "/readyz": ready})
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
