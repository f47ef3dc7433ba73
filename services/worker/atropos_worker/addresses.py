"""Which addresses a URL of a task may lead to; fetch.py connects to those alone, and never asks for a name again."""

import queue
import socket
import threading
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from atropos_worker.transfer import POLL_SECONDS, FetchFailed, FetchRefused, Pace

#: Not the public internet, whatever the version of `ipaddress` says: the IANA special-purpose registries, the ways
#: to write an IPv4 address as an IPv6 one (mapped, NAT64, 6to4, Teredo), and Azure's metadata service.
REFUSED = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
#: The only addresses of version 6 that are given out (RFC 4291, section 2.4): all others are refused.
GLOBAL_UNICAST = ip_network("2000::/3")
#: Addresses of one name that are tried.
MAXIMUM_ADDRESSES = 4
#: The resolver has no answer now, and may have one later.
AGAIN = {socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY, socket.EAI_SYSTEM}


class Address(NamedTuple):
    """What `socket.connect` takes, of an address that was checked."""

    family: int
    sockaddr: tuple[str | int, ...]


class AllowedHosts:
    """Names, addresses and networks that are allowed though they are not public."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._names = {entry.lower().removesuffix(".") for entry in entries}
        self._networks = [ip_network(entry, strict=False) for entry in self._names if _is_network(entry)]

    def permit(self, host: str, address: IPv4Address | IPv6Address) -> bool:
        """Whether a connection to this address of this host is all right."""
        return host.lower() in self._names or any(address in net for net in self._networks) or is_public(address)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of the public internet, and of one host."""
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in REFUSED)


def resolve(host: str, port: int, allowed: AllowedHosts, pace: Pace) -> list[Address]:
    """The addresses of the host that may be connected to. Raises FetchRefused if there are none, and FetchFailed."""
    found = _ask(host, port, pace)
    permitted = [
        Address(family, sockaddr)
        for family, _, _, _, sockaddr in found
        if family in {socket.AF_INET, socket.AF_INET6} and allowed.permit(host, ip_address(str(sockaddr[0])))
    ]
    if not permitted:
        raise FetchRefused(f"{host} is not on the public internet, and ATROPOS_FETCH_ALLOWED_HOSTS does not name it")
    return permitted[:MAXIMUM_ADDRESSES]


#: As `socket.getaddrinfo` returns it.
_Found = Sequence[tuple[int, int, int, str, tuple[Any, ...]]]


def _ask(host: str, port: int, pace: Pace) -> _Found:
    """What the resolver says; in a thread, since it knows no time limit."""
    answer: queue.SimpleQueue[_Found | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    while True:
        pace.keep()
        try:
            found = answer.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue
        if isinstance(found, socket.gaierror) and found.errno in AGAIN:
            raise FetchFailed(f"the name {host} cannot be looked up now: {found.strerror}")
        if isinstance(found, OSError | UnicodeError):
            raise FetchRefused(f"there is no host {host}")
        return found


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return True
