"""The nginx in front of page and API passes files on as they are: a real one, in front of a server that tells."""

import gzip
import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from atropos_cli.embedded.ports import free_port
from atropos_cli.up_checks import CHECKOUT
from tests.page.stand_in import write_page
from tests.stack import wait_until

TEMPLATE = CHECKOUT / "frontend/nginx/default.conf.template"
#: Debian keeps it where only the PATH of root looks.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONTENT = b'{"order": 1}\n' * 1000
COMPRESSED = {"Accept-Encoding": "gzip"}
#: More than nginx's own limit of a body, and than it would keep in memory.
LARGE = 4 * 1024 * 1024

pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx: apt install nginx-light")


class _Api(BaseHTTPRequestHandler):
    """Sends one content for each GET, and counts what a POST sends."""

    protocol_version = "HTTP/1.1"
    #: Bytes of bodies, as they arrive.
    arrived = 0

    def do_GET(self) -> None:
        self.send_response(200)
        headers = {"Content-Type": "application/json", "ETag": '"strong"', "Accept-Ranges": "bytes"}
        for name, value in {**headers, "Content-Length": str(len(CONTENT))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(CONTENT)

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left > 0:
            part = self.rfile.read1(min(left, 65_536))
            left -= len(part)
            type(self).arrived += len(part)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The nginx of the page, as its image configures it."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Api) as api:
        api.daemon_threads = True
        threading.Thread(target=api.serve_forever, daemon=True).start()
        assert NGINX is not None
        configuration = _write_configuration(folder, port, api)
        command = [NGINX, "-p", str(folder), "-e", "error.log", "-c", str(configuration), "-g", "daemon off;"]
        process = subprocess.Popen(command)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                wait_until(lambda: _answers(client), what=lambda: (folder / "error.log").read_text())
                yield client
        finally:
            process.terminate()
            process.wait(timeout=10)
            api.shutdown()


def _write_configuration(folder: Path, port: int, api: socketserver.TCPServer) -> Path:
    values = {
        "${ATROPOS_API_ADDRESS}": f"127.0.0.1:{api.server_address[1]}",
        "${ATROPOS_DNS}": "127.0.0.1",
        "${ATROPOS_TRACE_URL}": "",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/usr/share/nginx/html": str(write_page(folder / "html")),
    }
    server = TEMPLATE.read_text()
    for name, value in values.items():
        server = server.replace(name, value)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {kind};" for kind in kinds)
    configuration = folder / "nginx.conf"
    configuration.write_text(f"pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}\n{server}\n}}\n")
    return configuration


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_a_content_is_passed_on_as_it_is(proxy: httpx.Client) -> None:
    """With its length and its strong ETag, although the browser would take it compressed."""
    with proxy.stream("GET", "/api/files/1", headers=COMPRESSED) as answer:
        assert b"".join(answer.iter_raw()) == CONTENT
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == ('"strong"', "bytes")
    assert (answer.headers["content-length"], "content-encoding" in answer.headers) == (str(len(CONTENT)), False)
    assert "content-security-policy" not in answer.headers


def test_other_answers_are_compressed(proxy: httpx.Client) -> None:
    """They are read whole."""
    with proxy.stream("GET", "/api/tasks", headers=COMPRESSED) as answer:
        assert gzip.decompress(b"".join(answer.iter_raw())) == CONTENT


def test_an_upload_is_passed_on_while_it_comes(proxy: httpx.Client) -> None:
    """Without a limit of nginx' own, and not only once it is whole."""
    _Api.arrived = 0

    def upload() -> Iterator[bytes]:
        yield b"a" * LARGE
        wait_until(lambda: _Api.arrived == LARGE, what=lambda: f"the first half, of which {_Api.arrived} arrived")
        yield b"b" * LARGE

    headers = {"Content-Length": str(2 * LARGE)}
    assert proxy.post("/api/files?name=large.bin", content=upload(), headers=headers).status_code == 201
    assert _Api.arrived == 2 * LARGE
