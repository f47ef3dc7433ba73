"""What bounds fetching a URL, for fetch.py: the errors it ends with, and the time and pace it is held to."""

import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

#: Seconds between two looks at whether to stop, while nothing arrives.
POLL_SECONDS = 0.25
#: In each period of so many seconds at least so many bytes arrive: less is a server that keeps a slot busy.
PACE_SECONDS = 30.0
PACE_BYTES = 30 * 1024


class FetchRefused(Exception):
    """It will never work: what is asked for is not allowed, not there, or too large."""


class FetchFailed(Exception):
    """It may work later."""


class Pace:
    """The time that one fetch has, over all its redirects."""

    def __init__(self, seconds: float, check: Callable[[], None]) -> None:
        self._check = check
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._period_ends = time.monotonic() + PACE_SECONDS
        self._arrived = 0

    def keep(self) -> None:
        """Go on or not. Raises FetchFailed when it is too slow, and what `check` raises."""
        self._check()
        now = time.monotonic()
        if now >= self._ends:
            raise FetchFailed(f"it took longer than {self._seconds:g} s")
        if now >= self._period_ends:
            if self._arrived < PACE_BYTES:
                raise FetchFailed(f"only {self._arrived:,} bytes came in {PACE_SECONDS:g} s")
            self._arrived, self._period_ends = 0, now + PACE_SECONDS

    def note(self, count: int) -> None:
        """So many bytes arrived."""
        self._arrived += count

    def at_most(self, seconds: float) -> float:
        """So many seconds, or the fewer that are left."""
        return max(0.01, min(seconds, self._ends - time.monotonic()))


class PacedReader(io.RawIOBase):
    """The receiving side of a connection: whatever waits for bytes, of headers or content, keeps the pace."""

    def __init__(self, connected: socket.socket, pace: Pace) -> None:
        self._socket = connected
        self._pace = pace
        connected.settimeout(POLL_SECONDS)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """What arrives next; 0 at the end."""
        while True:
            self._pace.keep()
            try:
                count = self._socket.recv_into(buffer)
            except TimeoutError:
                continue
            except ssl.SSLEOFError as error:
                raise FetchFailed("the connection was cut off") from error
            self._pace.note(count)
            return count


class PacedSocket:
    """What http.client needs of a socket. Who made the socket closes it."""

    def __init__(self, connected: socket.socket, pace: Pace) -> None:
        self._socket = connected
        self._pace = pace

    def sendall(self, content: bytes) -> None:
        """Send the request."""
        self._socket.sendall(content)

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """The answer."""
        return io.BufferedReader(PacedReader(self._socket, self._pace))

    def close(self) -> None:
        """Nothing: http.client calls it before the content is read."""
