"""Fetching URLs of tasks over TLS: whose certificate is trusted, and what is not sent openly."""

import socket
import ssl
from pathlib import Path

import pytest

from atropos_worker.fetch import FetchFailed, FetchRefused
from tests.unit.fetching import take
from tests.web_server import certificate, content, redirect, serving

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of `files.example`."""
    return certificate(tmp_path_factory.mktemp("tls"), "files.example")


@pytest.fixture
def tls(pem: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS; the client trusts it, and every name leads to this machine."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setattr(socket, "getaddrinfo", _here)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def _here(_host: str, port: int, **_: object) -> list[object]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def test_tls_is_spoken_with_the_name(tls: ssl.SSLContext, target: Path) -> None:
    """The name of the URL is asked for and verified, though the connection goes to an address."""
    asked: list[str | None] = []
    tls.sni_callback = lambda _connection, name, _context: asked.append(name)
    with serving(content(b"secret"), tls) as server:
        take(f"https://files.example:{server.port}/", target)
    assert (target.read_bytes(), asked) == (b"secret", ["files.example"])


def test_the_certificate_of_another_host_is_refused(tls: ssl.SSLContext, target: Path) -> None:
    """A server that is somebody else gets no request."""
    with (
        serving(content(b"secret"), tls) as server,
        pytest.raises(FetchRefused, match=r"other\.example is not trusted"),
    ):
        take(f"https://other.example:{server.port}/", target)
    assert not server.requests


def test_an_unknown_authority_is_refused(tls: ssl.SSLContext, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that nobody vouches for is none."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with serving(content(b"secret"), tls) as server, pytest.raises(FetchRefused, match="not trusted"):
        take(f"https://files.example:{server.port}/", target)


def test_no_redirect_leads_from_https_to_http(tls: ssl.SSLContext, target: Path) -> None:
    """What was asked for secretly is not sent openly."""
    with (
        serving(content(b"open")) as plain,
        serving(redirect(plain.url), tls) as server,
        pytest.raises(FetchRefused, match="from https to http"),
    ):
        take(f"https://files.example:{server.port}/", target)
    assert not plain.requests


def test_a_port_without_tls_has_failed(tls: ssl.SSLContext, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for another greeting is not waited for until all time is over."""
    monkeypatch.setattr("atropos_worker.fetch.CONNECT_SECONDS", 0.5)
    with serving(content(b"open")) as server, pytest.raises(FetchFailed, match="handshake"):
        take(f"https://files.example:{server.port}/", target)
