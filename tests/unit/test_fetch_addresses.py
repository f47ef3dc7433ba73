"""Where the URL of a task may not lead, however it is written and whatever the resolver says, and how one allows it."""

import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from atropos_core.settings import Settings
from atropos_worker.fetch import FetchFailed, FetchRefused, fetch
from tests.web_server import content, redirect, serving

PRIVATE = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104  # nothing binds to it
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%lo", "fec0::1", "fc00::1"),
    *("fd00:ec2::254", "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::1", "2002:808:808::1", "2001::1"),
    *("2001:db8::1", "100::1", "3fff::1", "5f00::1"),
)
Resolver = Callable[..., None]


@pytest.fixture(autouse=True)
def _nothing_is_allowed(setting: Callable[[str, object], None]) -> None:
    setting("fetch_allowed_hosts", None)


@pytest.fixture
def allow(setting: Callable[[str, object], None]) -> Callable[[str], None]:
    """Sets the setting."""
    return partial(setting, "fetch_allowed_hosts")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that the resolver was asked for; it answers the next of `answers`."""
    return []


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Resolver:
    """Sets the answers of the resolver, one for each time that it is asked; each a list of addresses, or an error."""

    def answers(*each: list[str] | OSError) -> None:
        left = list(each)

        def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            answer = left.pop(0)
            if isinstance(answer, OSError):
                raise answer
            return [_found(address, port) for address in answer]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return answers


def _found(address: str, port: int) -> object:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


def take(url: str, target: Path) -> None:
    fetch(url, target, maximum_bytes=1000, seconds=5, check=lambda: None)


@pytest.mark.parametrize("address", PRIVATE)
def test_names_of_private_addresses_are_refused(address: str, resolver: Resolver, tmp_path: Path) -> None:
    """Whatever the name, the address decides."""
    resolver([address])
    with pytest.raises(FetchRefused, match=r"files\.example is not on the public internet"):
        take("http://files.example/", tmp_path / "target")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[::]", "0"),
        *("[::ffff:127.0.0.1]", "127。0。0。1", "%31%32%37.0.0.1", "169.254.169.254"),
    ],
)
def test_no_way_to_write_this_machine_is_let_through(host: str, tmp_path: Path) -> None:
    """The real resolver understands most of them; the server on the port is not asked."""
    with serving(content(b"inside")) as server:
        with pytest.raises(FetchRefused):
            take(f"http://{host}:{server.port}/", tmp_path / "target")
        assert not server.requests


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://files.example/", "gopher://files.example/", "data:,x", "files.example/x"),
        *("", "http:", "http://", "http:///etc", "//files.example/", "http://.example/", "http://[::1/"),
        *("http://files.example:0/", "http://files.example:99999/", "http://files.example:x/"),
        *("http://user:secret@files.example/", "http://user@files.example/", "http://@files.example/"),
        *("http://files.example/a\r\nHost: b", "http://fi\tles.example/", "http://files.example\\@other.example/"),
        *(f"http://files.example/{'x' * 9000}", f"http://{'ä' * 300}.example/"),
    ],
)
def test_what_is_no_plain_url_is_refused(url: str, tmp_path: Path) -> None:
    """Other schemes, credentials, and what is no URL at all."""
    with pytest.raises(FetchRefused):
        take(url, tmp_path / "target")


def test_a_name_is_asked_for_once(
    resolver: Resolver, asked: list[str], allow: Callable[[str], None], tmp_path: Path
) -> None:
    """The connection goes to the address that was checked: a resolver that changes its mind is not asked again."""
    allow("127.0.0.2")
    with serving(content(b"inside")) as server:
        resolver(["127.0.0.2"], ["127.0.0.1"])
        with pytest.raises(FetchFailed, match="cannot be connected to"):  # nobody listens on the first answer
            take(f"http://files.example:{server.port}/", tmp_path / "target")
        assert (asked, server.requests) == (["files.example"], [])


def test_private_addresses_among_public_ones_are_left_out(
    resolver: Resolver, allow: Callable[[str], None], tmp_path: Path
) -> None:
    """A public address that does not answer is no reason to try the private one beside it."""
    allow("127.0.0.2")
    with serving(content(b"inside")) as server:
        resolver(["127.0.0.2", "127.0.0.1"])
        with pytest.raises(FetchFailed, match="cannot be connected to"):
            take(f"http://files.example:{server.port}/", tmp_path / "target")
        assert not server.requests


def test_redirects_are_checked_anew(
    resolver: Resolver, asked: list[str], allow: Callable[[str], None], tmp_path: Path
) -> None:
    """A redirect to the same name is resolved again, and its address checked."""
    allow("127.0.0.1")
    with serving(redirect("/next")) as server:
        resolver(["127.0.0.1"], ["127.0.0.2"])
        with pytest.raises(FetchRefused, match="not on the public internet"):
            take(f"http://files.example:{server.port}/", tmp_path / "target")
        assert len(server.requests) == 1
    assert asked == ["files.example", "files.example"]


@pytest.mark.parametrize("value", ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/8", "Files.Example.", "127.0.0.5/8"])
def test_the_operator_may_allow_hosts(
    value: str, resolver: Resolver, allow: Callable[[str], None], tmp_path: Path
) -> None:
    """By address, network or name."""
    allow(value)
    with serving(content(b"inside")) as server:
        resolver(["127.0.0.1"])
        take(f"http://files.example:{server.port}/", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"inside"


@pytest.mark.parametrize("value", ["files.example", "10.0.0.0/8", "::/0"])
def test_what_is_not_named_stays_refused(
    value: str, resolver: Resolver, allow: Callable[[str], None], tmp_path: Path
) -> None:
    """A name allows no other name, a network no other network."""
    allow(value)
    resolver(["127.0.0.1"])
    with pytest.raises(FetchRefused):
        take("http://sub.files.example/", tmp_path / "target")


@pytest.mark.parametrize("value", ["http://files.example", "files.example:80", "10.0.0.0/33", "[::1]", "*"])
def test_a_setting_that_means_nothing_is_an_error(value: str, allow: Callable[[str], None]) -> None:
    """At the start, and not when a task needs it."""
    allow(value)
    with pytest.raises(ValidationError, match="not a host name, an address or a network"):
        Settings()


@pytest.mark.parametrize(
    ("code", "error"),
    [(socket.EAI_NONAME, FetchRefused), (socket.EAI_AGAIN, FetchFailed), (socket.EAI_FAIL, FetchFailed)],
)
def test_names_that_are_not_found(code: int, error: type[Exception], resolver: Resolver, tmp_path: Path) -> None:
    """A name that does not exist never works; a resolver that is away may be back."""
    resolver(socket.gaierror(code, "why"))
    with pytest.raises(error, match=r"files\.example"):
        take("http://files.example/", tmp_path / "target")


def test_the_next_address_is_tried(resolver: Resolver, allow: Callable[[str], None], tmp_path: Path) -> None:
    """A host with two addresses is reached when one of them does not answer."""
    allow("127.0.0.0/8")
    with serving(content(b"there")) as server:
        resolver(["127.0.0.2", "127.0.0.1"])
        take(f"http://files.example:{server.port}/", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"there"


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The time limit holds for it too, though it knows none itself."""
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(60) and [])
    with pytest.raises(FetchFailed, match=r"took longer than 0\.3 s"):
        fetch("http://files.example/", tmp_path / "target", maximum_bytes=1, seconds=0.3, check=lambda: None)
    released.set()
