"""Fetching URLs of tasks: from real servers, which the setting allows, with limits of size, time and pace."""

import socket
import threading
import time
from pathlib import Path

import pytest

from atropos_worker import transfer
from atropos_worker.fetch import FetchFailed, FetchRefused, fetch
from tests.unit.fetching import assert_nothing_was_kept, take
from tests.web_server import Answer, content, redirect, serving

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")


class Told(BaseException):
    """What a check raises."""


def test_content_is_written(target: Path) -> None:
    """The file has what the server sent, and there is no other file beside it."""
    body = bytes(range(256)) * 20_000
    with serving(content(body)) as server:
        take(f"{server.url}ä b?c=d&e=%20#part", target)
    assert target.read_bytes() == body
    assert list(target.parent.iterdir()) == [target]
    head = server.requests[0].split("\r\n")
    assert head[0] == "GET /%C3%A4%20b?c=d&e=%20 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}", "Accept-Encoding: identity"} <= set(head)


def test_chunks_are_put_together(target: Path) -> None:
    """An answer in chunks, of unknown length, is written whole."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(head + b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n") as server:
        take(server.url, target)
    assert target.read_bytes() == b"abcdefg"


def test_an_answer_ends_with_its_connection(target: Path) -> None:
    """As HTTP/1.0 has it: neither length nor chunks."""
    with serving(b"HTTP/1.0 200 OK\r\n\r\nabc") as server:
        take(server.url, target)
    assert target.read_bytes() == b"abc"


def test_redirects_are_followed(target: Path) -> None:
    """Five of them, with relative and absolute addresses."""

    def answer(connected: socket.socket, line: str) -> None:
        step = int(line.split()[1].strip("/") or 0)
        to = f"{step + 1}" if step % 2 else f"http://127.0.0.1:{server.port}/{step + 1}"
        connected.sendall(redirect(to, (301, 302, 303, 307, 308)[step]) if step < 5 else content(b"there"))

    with serving(answer) as server:
        take(server.url, target)
    assert target.read_bytes() == b"there"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (redirect("/again"), "more than 5 redirects"),
        (redirect(""), "does not say where"),
        (redirect("file:///etc/passwd"), "only http and https"),
        (redirect("//[::1"), "not a URL"),
        (redirect("http://169.254.169.254/latest/meta-data"), "not on the public internet"),
        (content(b"", status="404 Not Found"), "the server answered 404 Not Found"),
        (content(b"", status="401 Unauthorized"), "401"),
        (content(b"", status="206 Partial Content"), "206"),
        (content(b"", status="304 Not Modified"), "304"),
        (content(b"x" * 1001), "more than 1,000 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "more than 1,000 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, "more than 1,000 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", "more than"),
        (content(b"\x1f\x8b", "Content-Encoding: gzip"), "compresses its answer"),
    ],
)
def test_what_never_works_is_refused(answer: bytes, why: str, target: Path) -> None:
    """The reason is told, and no file is left."""
    with serving(answer) as server, pytest.raises(FetchRefused, match=why):
        take(server.url, target, maximum_bytes=1000)
    assert_nothing_was_kept(target)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (content(b"", status="500 Oh No"), "the server answered 500 Oh No"),
        (content(b"", status="503 Unavailable"), "503"),
        (content(b"", status="429 Slow Down"), "429"),
        (content(b"", status="408 Timeout"), "408"),
        (content(b"abc").replace(b"Length: 3", b"Length: 5"), "cut off 2 bytes before the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "IncompleteRead"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "BadStatusLine"),
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.1 200 OK\r\nName: " + b"x" * 70_000, "LineTooLong"),
    ],
)
def test_what_may_work_later_has_failed(answer: bytes, why: str, target: Path) -> None:
    """The reason is told, and no file is left."""
    with serving(answer) as server, pytest.raises(FetchFailed, match=why):
        take(server.url, target)
    assert_nothing_was_kept(target)


def test_a_closed_port_has_failed(target: Path) -> None:
    """The server may be back later."""
    with serving(b"") as server:
        server.close()
        with pytest.raises(FetchFailed, match="cannot be connected to"):
            take(server.url, target)


def _drip(connected: socket.socket, _line: str) -> None:
    """A byte now and then, for ever."""
    connected.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    stopped = threading.Event()
    while not stopped.wait(0.05):
        connected.sendall(b"x")


def _drip_headers(connected: socket.socket, _line: str) -> None:
    """An answer that never begins."""
    stopped = threading.Event()
    while not stopped.wait(0.05):
        connected.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _say_nothing(connected: socket.socket, _line: str) -> None:
    connected.recv(1)


SLOW = pytest.mark.parametrize("answer", [_drip, _drip_headers, _say_nothing])


@SLOW
def test_time_is_bounded(answer: Answer, target: Path) -> None:
    """All of it together, whatever trickles in."""
    began = time.monotonic()
    with serving(answer) as server, pytest.raises(FetchFailed, match=r"took longer than 0\.6 s"):
        take(server.url, target, seconds=0.6)
    assert time.monotonic() - began < 5
    assert_nothing_was_kept(target)


@SLOW
def test_a_pace_is_kept(answer: Answer, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends next to nothing is left, though there is time."""
    monkeypatch.setattr(transfer, "PACE_SECONDS", 0.5)
    with serving(answer) as server, pytest.raises(FetchFailed, match=r"only \d+ bytes came in 0.5 s"):
        take(server.url, target, seconds=60)
    assert_nothing_was_kept(target)


@SLOW
def test_it_stops_when_told(answer: Answer, target: Path) -> None:
    """What the check raises comes out, while it waits for bytes too; no file is left."""
    began = time.monotonic()

    def check() -> None:
        if time.monotonic() - began > 0.3:
            raise Told

    with serving(answer) as server, pytest.raises(Told):
        fetch(server.url, target, maximum_bytes=1000, seconds=60, check=check)
    assert time.monotonic() - began < 5
    assert_nothing_was_kept(target)
