"""`/livez` and `/readyz` as a kubelet asks for them, over real connections."""

import json
import socket
import struct
import threading
from http.client import HTTPConnection, RemoteDisconnected

import pytest

from atropos_cli.embedded.ports import free_port
from atropos_worker.probes import serve_probes
from tests.stack import wait_until


class Checks:
    """Two checks that pass, or fail with a reason; served until the tests end, as a process does until it ends."""

    def __init__(self) -> None:
        self.port = free_port()
        self.reasons: dict[str, str | None] = {}
        serve_probes(self.port, live=lambda: self.reasons.get("live"), ready=lambda: self.reasons.get("ready"))

    def get(self, path: str, *, host: str = "127.0.0.1") -> tuple[int, dict[str, str]]:
        """The status and the document of an answer."""
        connection = HTTPConnection(host, self.port, timeout=3)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def served() -> Checks:
    return Checks()


@pytest.fixture
def checks(served: Checks) -> Checks:
    """Both pass."""
    served.reasons = {}
    return served


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_check_that_passes_is_ok(path: str, checks: Checks) -> None:
    """200, for which Kubernetes looks."""
    assert checks.get(path) == (200, {"status": "ok"})


@pytest.mark.parametrize(("check", "path", "other"), [("live", "/livez", "/readyz"), ("ready", "/readyz", "/livez")])
def test_a_check_that_fails_says_why(check: str, path: str, other: str, checks: Checks) -> None:
    """503 with its reason, which Kubernetes shows in the pod's events; the other check stands on its own."""
    checks.reasons = {check: "the loop stands still"}
    assert checks.get(path) == (503, {"status": "the loop stands still"})
    assert checks.get(other) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/", "/healthz", "/livez/", "/livez?verbose"])
def test_there_is_nothing_else(path: str, checks: Checks) -> None:
    """404 that names what there is."""
    assert checks.get(path) == (404, {"status": "there is only /livez, /readyz, /metrics"})


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost: "])
def test_a_half_open_client_does_not_hold_up_others(sent: bytes, checks: Checks) -> None:
    """Nor do ten that say nothing, or half of what they want."""
    silent = [socket.create_connection(("127.0.0.1", checks.port)) for _ in range(10)]
    try:
        for client in silent:
            client.sendall(sent)
        assert checks.get("/livez") == (200, {"status": "ok"})
    finally:
        for client in silent:
            client.close()


def test_a_half_open_client_is_dropped(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread does not stay for ever."""
    monkeypatch.setattr("atropos_worker.probes._Handler.timeout", 0.1)
    with socket.create_connection(("127.0.0.1", checks.port), timeout=10) as silent:
        assert silent.recv(1) == b""


def wait_until_answered() -> None:
    """Until no client is being answered any more."""
    wait_until(lambda: not any("process_request" in thread.name for thread in threading.enumerate()))


def test_a_client_that_hangs_up_is_not_told_of(checks: Checks, capfd: pytest.CaptureFixture[str]) -> None:
    """A kubelet that waited long enough does so."""
    client = socket.create_connection(("127.0.0.1", checks.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
    client.sendall(b"GET /livez")
    client.close()
    assert checks.get("/livez") == (200, {"status": "ok"})
    wait_until_answered()
    assert capfd.readouterr() == ("", "")


def test_a_check_that_raises_is_logged(
    checks: Checks, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client gets no answer, which fails the probe."""
    monkeypatch.setattr(checks, "reasons", None)
    with pytest.raises(RemoteDisconnected):
        checks.get("/livez")
    wait_until_answered()
    assert "atropos.probes.failed" in "".join(capfd.readouterr())


def test_a_port_that_is_taken_is_an_error(checks: Checks) -> None:
    """At the start, not at the first probe."""
    with pytest.raises(OSError, match="in use"):
        serve_probes(checks.port, live=lambda: None, ready=lambda: None)


def test_without_a_port_nothing_is_served() -> None:
    """As outside Kubernetes."""
    serve_probes(None, live=lambda: pytest.fail("asked"), ready=lambda: pytest.fail("asked"))
