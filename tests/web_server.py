"""A web server for tests that answers as a function of the test's says, byte for byte; over TLS when asked to."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Writes the answer to a request whose first line it is given.
Answer = Callable[[socket.socket, str], None]


class WebServer:
    """Takes connections on a free port of 127.0.0.1, each in a thread, until it is closed."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[str] = []
        self._answer = answer
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}/"

    def close(self) -> None:
        # Closing alone would not wake the thread that waits in `accept`.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=[self._listening.accept()[0]], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            connected = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            with connected:
                head = b""
                while b"\r\n\r\n" not in head and (more := connected.recv(65536)):
                    head += more
                self.requests.append(head.decode(errors="replace"))
                self._answer(connected, self.requests[-1].partition("\r\n")[0])
                if self._context:
                    with suppress(OSError):
                        connected.unwrap()


@contextmanager
def serving(answer: Answer | bytes, context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """A server that answers so; bytes are sent as they are."""
    plain: Answer = answer if callable(answer) else lambda connected, _: connected.sendall(answer)
    server = WebServer(plain, context)
    try:
        yield server
    finally:
        server.close()


def content(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer, with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def redirect(to: str, status: int = 302) -> bytes:
    return content(b"", f"Location: {to}", status=f"{status} Moved")


def certificate(directory: Path, *names: str) -> Path:
    """A key with a certificate for these DNS names, which is its own authority, in one PEM file."""
    key, public, both = directory / "key.pem", directory / "public.pem", directory / "both.pem"
    alternatives = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={alternatives}"),
            *("-keyout", str(key), "-out", str(public)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + public.read_text())
    return both
