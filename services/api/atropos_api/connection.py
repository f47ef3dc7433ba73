"""One client's connection: what uvicorn's own leaves unbounded, in time, in bytes and in number.

__main__.py serves with it. Refusals that come before there is a request are problem documents too.
"""

import asyncio
import resource
import socket
import struct
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from atropos_api import problems
from atropos_api.body_limit import is_upload
from atropos_core.settings import Settings

#: Bytes of the request line and all headers together; of trailers likewise.
HEAD_BYTES = 64 * 1024
HEAD_TOO_LARGE = f"The request line and the headers together may have {HEAD_BYTES:,} bytes."
#: File descriptors that are kept for files and for connections of our own.
RESERVED_DESCRIPTORS = 200
#: Bytes a second at which an upload arrives at least, on average over each `client_timeout_seconds`.
UPLOAD_PACE = 10_000
#: Where Linux tells in TCP_INFO how many bytes the other side has acknowledged: `tcpi_bytes_acked`, of 64 bits.
ACKNOWLEDGED = slice(120, 128)

#: Connections whose request has not arrived whole, those that have waited longest first.
_waiting: dict["Connection", None] = {}


class Connection(HttpToolsProtocol):
    """Lets go of clients that are too slow, and refuses what is too large, or one connection too many."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's does
        super().connection_made(transport)
        state = cast(Any, self.config.app).state
        self._limit: float = state.settings.client_timeout_seconds
        self._answered: RequestResponseCycle | None = None
        self._refusal: HTTPStatus | None = None
        #: Bytes of the head that is being read, and all bytes that were neither counted for it nor a body.
        self._head = 0
        self._overhead = 0
        #: The upload whose body is being read, and the bytes of it that have come since `_since`.
        self._upload: RequestResponseCycle | None = None
        self._arrived = 0
        self._unsent = self._acknowledged = 0
        self._moved = time.monotonic()
        self._wait()
        if len(self.connections) > state.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        _waiting.pop(self, None)
        super().connection_lost(exc)
        # uvicorn tells the newest of the requests that came together only: the others would write to nobody.
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.pipeline.clear()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _wait(self) -> None:
        """From now on a request is awaited."""
        self._overhead = 0
        self._await_more()

    def _await_more(self) -> None:
        """Its time begins anew."""
        self._since = time.monotonic()
        self._arrived = 0
        _waiting.pop(self, None)
        _waiting[self] = None

    def _make_room(self) -> None:
        oldest = next(iter(_waiting))
        if oldest is self:
            self.app = _refuse  # Everybody else is being served.
        else:
            del _waiting[oldest]
            oldest._drop()

    def data_received(self, data: bytes) -> None:
        self._overhead += len(data)
        super().data_received(data)
        # The parser holds back a name or value that has no end yet. Twice a body's length allows for small chunks.
        if self._overhead > HEAD_BYTES and not self.transport.is_closing():
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self._head = 0
        self._upload = None
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if is_upload(self.scope.get("path", "")):
            self._upload = self.cycle
            if self in _waiting:
                self._await_more()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > HEAD_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("the head is too large")  # The parser turns it into send_400_response.

    def on_body(self, body: bytes) -> None:
        self._overhead -= 2 * len(body)
        self._arrived += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._overhead = 0
        if self.cycle.response_complete:  # It was answered before it had arrived.
            self.cycle.more_body = False
            self._wait()
        else:
            _waiting.pop(self, None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # One that came together with this one may not have arrived whole.
        if (self.cycle.response_complete or self.cycle.more_body) and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Answer what has no request with a problem, and close."""
        _waiting.pop(self, None)
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self._drop()  # In the middle of an answer there is no place for another one.
            return
        if self._refusal is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            msg = HEAD_TOO_LARGE
        status = self._refusal or HTTPStatus.BAD_REQUEST
        answer = problems.http_problem(status, msg)
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), b"connection: close"]
        head += [name + b": " + value for name, value in (*self.server_state.default_headers, *answer.raw_headers)]
        self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        self.transport.close()

    def _drop(self) -> None:
        """Close with a reset: otherwise the kernel would keep what is unsent for minutes (SO_LINGER in socket(7))."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def look(self, now: float) -> None:
        """Let go of a client that is too slow; called once a second."""
        self._look_at_unsent(now)
        if now - self._moved > self._limit:
            self._drop()
        elif self in _waiting:
            if self._keeps_arriving(now):
                self._await_more()
            elif now - self._since > self._limit:
                self._give_up()

    def _look_at_unsent(self, now: float) -> None:
        """A slow reader empties the kernel's buffer of megabytes first: what it acknowledges tells that it reads."""
        unsent = self.transport.get_write_buffer_size()
        acknowledged = self._acknowledged_bytes() if unsent else 0
        if unsent == 0 or unsent < self._unsent or acknowledged > self._acknowledged:
            self._moved = now
        self._unsent, self._acknowledged = unsent, acknowledged

    def _acknowledged_bytes(self) -> int:
        if sys.platform == "linux":
            with suppress(OSError):
                told = self.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
                return int.from_bytes(told[ACKNOWLEDGED], sys.byteorder)
        return 0

    def _keeps_arriving(self, now: float) -> bool:
        """Whether enough of an upload has come in its time; while it is not read, the store is slow, not the client."""
        if self._upload is None or self._upload.response_complete:
            return False
        waited = now - self._since
        return self.flow.read_paused or (waited > self._limit and self._arrived >= UPLOAD_PACE * waited)

    def _give_up(self) -> None:
        answered = self.cycle is not None and self.cycle.response_complete and self.cycle.more_body
        if answered or (self.cycle is None and self._overhead == 0):
            self.transport.close()  # It has its answer, or never said a word.
        else:
            self._refusal = HTTPStatus.REQUEST_TIMEOUT
            self.send_400_response("The request did not arrive in time.")


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    answer = problems.http_problem(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections. Try again.")
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


def room_for_connections(settings: Settings) -> int:
    """How many connections this process may have, after it allowed itself all the descriptors it can get."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # A hard limit of infinity is more than the kernel gives.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(settings.max_connections, soft - RESERVED_DESCRIPTORS))


def look(connections: Iterable[object]) -> None:
    """Look at all connections of the server."""
    now = time.monotonic()
    for connection in list(connections):
        if isinstance(connection, Connection):
            connection.look(now)
