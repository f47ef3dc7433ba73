"""Uploads and downloads of slow clients: what keeps moving may take as long as it takes, what stalls is cut off."""

import hashlib
import json
import select
import socket
import time
from collections.abc import Iterator

import pytest

from tests.stack import Stack
from tests.stored_files import keeping_files

#: Of the API, in seconds: what the clients below stay beyond, by far.
PATIENCE = 1
LONGER = 5 * PATIENCE
#: Seconds between two steps of a slow client.
STEP = 0.2


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API of little patience that keeps files."""
    with keeping_files(tmp_path_factory.mktemp("slow"), client_timeout_seconds=str(PATIENCE)) as own:
        own.start("api")
        own.wait_for_api()
        yield own


def _begin(stack: Stack, length: int) -> socket.socket:
    """A connection on which an upload of so many bytes begins."""
    client = socket.create_connection(("127.0.0.1", stack.api_port), timeout=30)
    client.sendall(f"POST /files?name=x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
    return client


def _answers(client: socket.socket, seconds: float) -> bool:
    """Whether an answer begins within so many seconds."""
    return bool(select.select([client], [], [], seconds)[0])


def _answer(client: socket.socket) -> tuple[int, dict[str, object]]:
    received = b""
    while not received.endswith(b"}") and (more := client.recv(65536)):
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_an_upload_may_take_as_long_as_it_arrives(api: Stack) -> None:
    """Well above the pace that is asked for, and for much longer than other requests have."""
    content = bytes(range(250)) * 100 * int(LONGER / STEP)
    step = int(len(content) * STEP / LONGER)
    with _begin(api, len(content)) as client:
        for start in range(0, len(content), step):
            assert not _answers(client, STEP)
            client.sendall(content[start : start + step])
        status, file = _answer(client)
    assert (status, file["sha256"]) == (201, hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("drip", [b"", b"x" * 200], ids=["silent", "below-the-pace"])
def test_an_upload_that_stalls_ends(api: Stack, drip: bytes) -> None:
    """408, however much came before."""
    with _begin(api, 4_000_000) as client:
        client.sendall(bytes(3_000_000))
        deadline = time.monotonic() + 30
        while not _answers(client, STEP):
            assert time.monotonic() < deadline
            client.sendall(drip)
        status, problem = _answer(client)
    assert (status, problem["type"]) == (408, "urn:atropos:problem:request-timeout")


def test_a_download_may_take_as_long_as_it_is_read(api: Stack) -> None:
    """Slowly enough that the kernel's buffer takes nothing of the API for longer than its patience."""
    content = bytes(range(256)) * 64 * 1024
    file = api.upload(content, name="x")
    received = bytearray()
    with socket.create_connection(("127.0.0.1", api.api_port), timeout=30) as client:
        client.sendall(f"GET /files/{file['file_id']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        ends = time.monotonic() + LONGER
        while time.monotonic() < ends:
            received += client.recv(40_000)
            select.select([], [], [], STEP)  # the pace of the client
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        rest = bytearray(body)
        while len(rest) < len(content):
            more = client.recv(1_000_000)
            assert more, f"cut off after {len(rest):,} bytes"
            rest += more
    assert rest == content
