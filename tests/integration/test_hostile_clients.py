"""Clients that are slow, greedy, broken or gone: each gets a clear answer, memory is bounded, others are served."""

import json
import re
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import pytest

from atropos_cli.embedded.ports import free_port
from tests.process import descriptors, peak_megabytes
from tests.stack import Stack, wait_until

CONNECTIONS, STREAMS = 150, 120
POST = b"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
STREAM = b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API of little patience, whose log has no traceback at the end. Its database tells each statement."""
    own = Stack(
        tmp_path_factory.mktemp("clients"),
        client_timeout_seconds="2",
        max_connections=str(CONNECTIONS),
        max_streams=str(STREAMS),
        max_body_bytes=str(16 * 1024 * 1024),
    )
    try:
        own.start_servers()
        [[name]] = own.sql("SELECT current_database()")
        own.sql(f"ALTER DATABASE {name} SET log_statement = 'all'")
        own.start("api")
        own.wait_for_api()
        yield own
        assert "Traceback" not in own.log("api")
    finally:
        own.stop()


def connect(stack: Stack, data: bytes = b"", *, port: int | None = None) -> socket.socket:
    """A connection on which this was sent, as far as somebody took it."""
    client = socket.create_connection(("127.0.0.1", port or stack.api_port), timeout=20)
    with suppress(ConnectionError):
        client.sendall(data)
    return client


def answer(client: socket.socket) -> tuple[int, str]:
    """Status and problem type of the first answer; 0 if the connection is closed without one."""
    received = b""
    while not received.endswith(b"}") and (more := client.recv(65536)):
        received += more
    if not received:
        return 0, ""
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, received[:500]
    return int(head.split()[1]), json.loads(body)["type"].rpartition(":")[2]


def assert_served(stack: Stack) -> None:
    """Somebody who behaves is answered, soon."""
    began = time.monotonic()
    with httpx.Client(base_url=stack.api_url, timeout=10) as http:
        assert http.get("/livez").status_code == 200
        assert http.post("/tasks", json={"task_type": "default", "delay_seconds": 9999}).status_code == 202
    assert time.monotonic() - began < 5


def api_process(stack: Stack) -> int:
    """The id of the API's process."""
    return stack.processes["api"].pid


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, (400, "bad-request")),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", (400, "bad-request")),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", (400, "bad-request")),
        (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{", (400, "bad-request")),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400, "bad-request")),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", (400, "bad-request")),
        (POST + b"Content-Length: 99999999999\r\n\r\n{", (413, "content-too-large")),
        (POST + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00", (400, "bad-request")),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 66_000, (431, "request-header-fields-too-large")),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 11_000 + b"\r\n", (431, "request-header-fields-too-large")),
        (b"GET /" + b"a" * 66_000 + b" HTTP/1.1\r\n\r\n", (431, "request-header-fields-too-large")),
        (
            POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 11_000,
            (431, "request-header-fields-too-large"),
        ),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_is_no_request_is_a_problem_too(api: Stack, data: bytes, expected: tuple[int, str]) -> None:
    """Refused before there is a request, in the same form as everything else."""
    with connect(api, data) as client:
        assert answer(client) == expected


@pytest.mark.parametrize(
    ("begun", "drip", "expected"),
    [
        (b"", b"", (0, "")),
        (b"GET /livez HTTP/1.1\r\nX: ", b"a", (408, "request-timeout")),
        (POST + b"Content-Length: 1000\r\n\r\n", b" ", (408, "request-timeout")),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", (408, "request-timeout")),
    ],
)
def test_a_request_that_takes_too_long(api: Stack, begun: bytes, drip: bytes, expected: tuple[int, str]) -> None:
    """408 however steadily it comes; who never says a word is let go without one."""
    with connect(api, begun) as client:
        deadline = time.monotonic() + 20
        while not select.select([client], [], [], 0.2)[0]:  # as often as a byte is sent
            assert time.monotonic() < deadline
            client.send(drip)
        assert answer(client) == expected


def test_the_rest_of_a_request_that_came_with_another(api: Stack) -> None:
    """It has as much time as any other once the first is answered."""
    begun = POST + b"Content-Length: 1000\r\n\r\n{"
    with connect(api, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + begun) as client:
        received = b""
        while more := client.recv(65536):
            received += more
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"408"]


def test_more_slow_clients_than_there_are_connections(api: Stack) -> None:
    """The one that has waited longest makes room, so others are served, and descriptors are bounded."""
    with ExitStack() as clients:
        for number in range(2 * CONNECTIONS):
            begun = b"" if number % 2 else POST + b"Content-Length: 1000\r\n\r\n"
            clients.enter_context(connect(api, begun))
        assert_served(api)
        assert descriptors(api_process(api)) < CONNECTIONS + 50


def test_connections_that_are_all_being_served(api: Stack) -> None:
    """One more is refused with 503, and served once there is room."""
    port = free_port()
    api.start("api-2", api_port=str(port), max_connections="10")
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: "Uvicorn running" in api.log("api-2"), what="a second API")
    with ExitStack() as clients:
        for _ in range(10):
            client = clients.enter_context(connect(api, STREAM, port=port))
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        refused = httpx.get(f"{url}/livez")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:atropos:problem:overloaded")
        assert refused.headers["retry-after"] == "1"
    wait_until(lambda: httpx.get(f"{url}/livez").status_code == 200, what="room")
    api.kill("api-2")


def test_many_streams_read_the_log_once(api: Stack) -> None:
    """Each stream has the event, one more stream is 503, and all together cost a few statements."""
    with ExitStack() as clients:
        streams = [clients.enter_context(connect(api, STREAM)) for _ in range(STREAMS)]
        for stream in streams:
            assert stream.recv(100).startswith(b"HTTP/1.1 200")
        with connect(api, STREAM) as one_more:
            assert answer(one_more) == (503, "overloaded")
        before = api.log("postgres").count("FROM events")
        wanted = api.submit(delay_seconds=9999).encode()
        for stream in streams:
            received = b""
            while wanted not in received:
                received += stream.recv(65536)
        assert 0 < api.log("postgres").count("FROM events") - before < STREAMS / 4
    wait_until(lambda: descriptors(api_process(api)) < 60, what="closed streams to be let go")


def test_clients_that_never_read(api: Stack) -> None:
    """A long stream and long lists wait in vain: they are cut off, and hold little memory meanwhile."""
    batch = {"tasks": [{"task_type": "default", "delay_seconds": 9999, "labels": {"a": "x" * 250}}] * 10_000}
    assert [api.http.post("/tasks/batch", json=batch).status_code for _ in range(3)] == [202] * 3
    before = peak_megabytes(api_process(api))
    lists = b"GET /tasks?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 20  # more than the kernel takes
    with ExitStack() as clients:
        waiting = select.poll()
        for request in [STREAM.replace(b"/events", b"/events?last_event_id=1")] * 4 + [lists] * 2:
            client = clients.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", api.api_port))
            client.sendall(request)
            waiting.register(client, 0)  # tells of resets all the same
        assert_served(api)
        reset: set[int] = set()
        deadline = time.monotonic() + 180
        while len(reset) < 6:
            assert time.monotonic() < deadline, f"only {len(reset)} were cut off"
            reset.update(descriptor for descriptor, _ in waiting.poll(100))
    assert peak_megabytes(api_process(api)) - before < 100


def test_large_bodies_at_once(api: Stack) -> None:
    """Together they are bounded: what is too much is 503, while small ones are taken."""
    before = peak_megabytes(api_process(api))
    head = POST.replace(b"/tasks", b"/tasks/batch") + b"Content-Length: 16000000\r\n\r\n"
    with ExitStack() as clients, ThreadPoolExecutor(8) as pool:
        sent = pool.map(lambda _: clients.enter_context(connect(api, head + b" " * 15_000_000)), range(8))
        assert_served(api)
        answers = [answer(client) for client in sent]
    assert set(answers) <= {(503, "overloaded"), (408, "request-timeout")}
    assert (503, "overloaded") in answers
    assert peak_megabytes(api_process(api)) - before < 250


def test_a_flood_of_mistakes_is_one(api: Stack) -> None:
    """A flood of unknown names, or of wrong tasks, is refused before each mistake is named."""
    before = peak_megabytes(api_process(api))
    names = "{" + ",".join(f'"k{number}":1' for number in range(300_000)) + "}"
    for body in (
        names,
        f'{{"tasks": [{names}]}}',
        f'{{"tasks": [{{"task_type": "default", "parameters": {names}}}]}}',
        f'{{"tasks": [{",".join(["1"] * 300_000)}]}}',
    ):
        refused = api.http.post("/tasks/batch", content=body, headers={"Content-Type": "application/json"})
        assert refused.status_code == 422
        assert refused.json()["type"].startswith("urn:atropos:problem:")
    assert peak_megabytes(api_process(api)) - before < 150


def test_a_hundred_lists_at_once(api: Stack) -> None:
    """They wait for each other, and not for a thread in which the first one could end."""
    with httpx.Client(base_url=api.api_url, timeout=60) as http, ThreadPoolExecutor(100) as pool:
        lists = [pool.submit(http.get, f"/tasks?limit={limit}") for limit in [50] * 90 + [500] * 10]
        assert_served(api)
        assert {found.result().status_code for found in lists} == {200}


def test_clients_that_are_gone_before_the_answer(api: Stack) -> None:
    """Requests that came together are given up with their connection; that log has no traceback."""
    for _ in range(20):
        connect(api, b"GET /tasks?limit=500 HTTP/1.1\r\nHost: x\r\n\r\n" * 5).close()
    assert api.http.get("/metrics", headers={"Accept": "application/openmetrics-text;version=x"}).status_code == 200
    assert_served(api)
