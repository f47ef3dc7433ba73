"""TCP ports on this machine; called by the embedded servers, `atropos up` and the tests."""

import errno
import secrets
import socket
from contextlib import closing

# Below the ports that Linux, macOS and Windows give to outgoing connections, so that no client takes a
# server's port while it restarts.
FIRST_PORT, LAST_PORT = 15_000, 29_999


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    while True:
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        if is_free(port):
            return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on `port`; raises OSError for a host that is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with closing(socket.socket(family, kind, protocol)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True
