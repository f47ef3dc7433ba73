"""Fetches a URL that a task names into a file, safely: context.input calls it.

Who submits tasks must not reach what only the worker can. Each host is resolved once, checked, and connected to by the
address that was checked; so it is for each redirect. Proxies of the environment are not used.
"""

import http.client
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urljoin, urlsplit

from atropos_core.settings import get_settings
from atropos_worker.addresses import Address, AllowedHosts, resolve
from atropos_worker.transfer import FetchFailed, FetchRefused, Pace, PacedSocket

__all__ = ["FetchFailed", "FetchRefused", "fetch"]

DEFAULT_PORTS = {"http": 80, "https": 443}
MAXIMUM_URL = 8192
MAXIMUM_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
#: 4xx that may be another answer later: Request Timeout, Too Early, Too Many Requests.
LATER = {408, 425, 429}
CHUNK_BYTES = 256 * 1024
#: For connecting to one address, and again for its TLS handshake and for sending the request.
CONNECT_SECONDS = 10.0
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # what is not compressed cannot grow
    "Connection": "close",
    "User-Agent": "atropos-worker",
}


@dataclass(frozen=True)
class _Location:
    """A URL in parts, each fit to be sent."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "_Location":
        """Raises FetchRefused for what is no plain http(s) URL."""
        if len(url) > MAXIMUM_URL or any(ord(character) < 32 or character in "\x7f\\" for character in url):
            raise FetchRefused("it is not a URL, or too long")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").removesuffix("."), parts.port
            host = host if host.isascii() else host.encode("idna").decode()
        except ValueError as error:  # UnicodeError too
            raise FetchRefused(f"it is not a URL: {error}") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise FetchRefused("only http and https URLs are fetched")
        if "@" in parts.netloc:
            raise FetchRefused("it has a user name or password, which a task may not carry")
        if not host or port == 0:
            raise FetchRefused("it is not a URL: there is no host, or its port is 0")
        query = f"?{parts.query}" if parts.query else ""
        path = quote(f"{parts.path or '/'}{query}", safe="%/:=&?~#+!$,;'@()*[]|")
        return cls(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], path)


def fetch(url: str, target: Path, *, maximum_bytes: int, seconds: float, check: Callable[[], None]) -> None:
    """Write what the URL has to `target`, which appears only when it is whole.

    `check` is called at least four times a second while it waits for bytes, and raises what shall end it. `seconds`
    bounds all of it. Raises FetchRefused when it will never work, FetchFailed when it may later.
    """
    pace = Pace(seconds, check)
    allowed = AllowedHosts(get_settings().fetch_allowed_hosts)
    try:
        for _ in range(MAXIMUM_REDIRECTS + 1):
            location = _Location.of(url)
            with _connected(location, resolve(location.host, location.port, allowed, pace), pace) as connection:
                connection.request("GET", location.path, headers=HEADERS)
                response = connection.getresponse()
                if response.status not in REDIRECTS:
                    _check_answer(response, maximum_bytes)
                    _keep(response, target, maximum_bytes)
                    return
                url = _redirected(url, response.headers.get("Location"))
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(f"{type(error).__name__}: {error}") from error
    raise FetchRefused(f"there were more than {MAXIMUM_REDIRECTS} redirects")


def _redirected(url: str, to: str | None) -> str:
    if not to:
        raise FetchRefused("it redirects, and does not say where")
    try:
        new = urljoin(url, to)
    except ValueError as error:
        raise FetchRefused(f"it redirects to what is not a URL: {error}") from None
    if url.lower().startswith("https:") and new.lower().startswith("http:"):
        raise FetchRefused("it redirects from https to http")
    return new


@contextmanager
def _connected(location: _Location, addresses: list[Address], pace: Pace) -> Iterator[http.client.HTTPConnection]:
    """A connection to one of these addresses and to nothing else: http.client is given the socket, and makes none."""
    connection = http.client.HTTPConnection(location.host, location.port)
    connection.default_port = DEFAULT_PORTS[location.scheme]
    connection.auto_open = 0
    with _connect(addresses, pace) as plain:
        plain.settimeout(pace.at_most(CONNECT_SECONDS))
        if location.scheme == "http":
            connection.sock = cast(Any, PacedSocket(plain, pace))
            yield connection
            return
        with _secured(plain, location.host) as secure:
            connection.sock = cast(Any, PacedSocket(secure, pace))
            yield connection


def _connect(addresses: list[Address], pace: Pace) -> socket.socket:
    last: OSError | None = None
    for family, sockaddr in addresses:
        pace.keep()
        connecting = socket.socket(family, socket.SOCK_STREAM)
        try:
            connecting.settimeout(pace.at_most(CONNECT_SECONDS))
            connecting.connect(sockaddr)
        except BaseException as error:
            connecting.close()
            if not isinstance(error, OSError):
                raise
            last = error
        else:
            return connecting
    raise FetchFailed(f"it cannot be connected to: {last}") from last


def _secured(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """TLS, with the certificate checked for this host; an end that the peer did not announce is an error."""
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False)
    except ssl.SSLCertVerificationError as error:
        raise FetchRefused(f"the certificate of {host} is not trusted: {error.verify_message}") from error


def _check_answer(response: http.client.HTTPResponse, maximum_bytes: int) -> None:
    """Raises FetchRefused or FetchFailed unless it answers with the content, and not with too much of it."""
    answer = f"the server answered {response.status} {response.reason[:100]}".strip()
    if response.status >= 500 or response.status in LATER:
        raise FetchFailed(answer)
    if response.status != http.client.OK:
        raise FetchRefused(answer)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise FetchRefused("the server compresses its answer, though it was asked not to")
    if response.length is not None and response.length > maximum_bytes:
        raise _too_large(maximum_bytes)


def _keep(response: http.client.HTTPResponse, target: Path, maximum_bytes: int) -> None:
    """Write the content beside `target`, and name it so when it is whole."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".fetch-", delete=False) as file:
        part = Path(file.name)
        try:
            written = 0
            while chunk := response.read(CHUNK_BYTES):
                written += len(chunk)
                if written > maximum_bytes:
                    raise _too_large(maximum_bytes)
                file.write(chunk)
            if response.length:
                raise FetchFailed(f"the connection was cut off {response.length:,} bytes before the end")
            file.close()
            os.replace(part, target)
        except BaseException:
            with suppress(FileNotFoundError):
                part.unlink()
            raise


def _too_large(maximum_bytes: int) -> FetchRefused:
    return FetchRefused(f"it has more than {maximum_bytes:,} bytes")
