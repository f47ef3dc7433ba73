"""A short run of `make chaos`, and that its faults do what they are called."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.plan import plan
from tests.chaos.proxy import Link, Proxy
from tests.chaos.run import Options, run
from tests.chaos.schedule import schedule
from tests.chaos.summary import complaints, table
from tests.stack import wait_until


@pytest.mark.timeout(900)
def test_nothing_is_lost_while_everything_breaks(tmp_path: Path) -> None:
    """Forty seconds of load and faults: the proof holds, whatever the machine's speed made of the schedule."""
    options = Options(seconds=40, seed=7, rate=5, every=5)
    report = run(tmp_path, options, threading.Event())
    assert report.proved, f"{table(report)}\n{complaints(report)}"
    assert report.faults
    assert report.evidence.rows
    assert report.evidence.lines


@pytest.mark.timeout(600)
def test_a_run_that_is_ended_early_is_proved_too(tmp_path: Path) -> None:
    """Ctrl-C before the first task and fault: the roll is called, and what was is judged."""
    stopping = threading.Event()
    stopping.set()
    report = run(tmp_path, Options(seconds=600), stopping)
    assert report.proved, f"{table(report)}\n{complaints(report)}"
    assert report.seconds < 60


def test_a_seed_is_repeated() -> None:
    """The same faults and tasks at the same times; another seed makes others."""
    first, again, other = (list(schedule(seed, seconds=600, every=8)) for seed in (1, 1, 2))
    assert (first == again, first == other) == (True, False)
    tasks, same, others = (list(plan(seed, seconds=60, rate=7)) for seed in (1, 1, 2))
    assert (tasks == same, tasks == others) == (True, False)


def test_the_usual_half_hour_is_large_enough() -> None:
    """At the default rates: ten thousand tasks, two hundred faults, and each kind of fault among them."""
    usual = Options(seconds=1800, seed=7)
    faults = list(schedule(usual.seed, seconds=usual.seconds, every=usual.every))
    tasks = sum(len(submission.tasks) for submission in plan(usual.seed, seconds=usual.seconds, rate=usual.rate))
    assert (tasks > 10_000, len(faults) > 200) == (True, True)
    assert Counter(fault.kind for fault in faults).keys() == KINDS.keys()


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while piece := _received(connection):
                        connection.sendall(piece)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1024)
    except OSError:
        return b""


@pytest.fixture
def link(echo: int) -> Iterator[Link]:
    """A link to it."""
    with closing(Proxy()) as proxy:
        yield proxy.link(echo)


def _connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=10)


def _says(connection: socket.socket, text: bytes) -> bytes:
    """What comes back at once, or within the time that the connection has."""
    connection.sendall(text)
    try:
        return connection.recv(1024)
    except TimeoutError:
        return b"nothing"


def test_a_link_forwards_and_can_be_slow(link: Link) -> None:
    """A piece takes the delay on its way there and again on its way back."""
    with _connect(link) as connection:
        assert _says(connection, b"fast") == b"fast"
        link.slow(0.2)
        began = time.monotonic()
        assert _says(connection, b"slow") == b"slow"
        assert time.monotonic() - began > 0.4


@pytest.mark.parametrize("requests", [True, False])
def test_a_stalled_link_holds_back_until_it_is_restored(link: Link, requests: bool) -> None:
    """The connection stays open meanwhile, and nothing that was sent is lost."""
    with _connect(link) as connection:
        assert _says(connection, b"before") == b"before"
        link.stall(requests=requests)
        connection.settimeout(0.5)
        assert _says(connection, b"held") == b"nothing"
        link.restore()
        connection.settimeout(10)
        assert connection.recv(1024) == b"held"


def test_a_cut_link_breaks_connections_off_and_takes_none(link: Link) -> None:
    """With a reset; after it is restored it takes new ones."""

    def works() -> bool:
        try:
            with _connect(link) as connection:
                return _says(connection, b"there?") == b"there?"
        except OSError:
            return False

    with _connect(link) as connection:
        assert _says(connection, b"before") == b"before"
        link.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1024)
    assert not works()
    link.restore()
    wait_until(works)
