"""Files through the clients and the command line on the real service, over broken connections and a killed API."""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from atropos_client import Client, ProblemError
from tests.chaos.proxy import Proxy
from tests.integration.test_cli import Cli
from tests.stack import Stack
from tests.stored_files import keeping_files

#: More than the buffers between two processes hold, so that a cut is in the middle of it.
CONTENT = bytes(range(251)) * 130_000
LIMIT = 40_000_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that keeps files in a folder."""
    with keeping_files(tmp_path_factory.mktemp("files"), max_file_bytes=str(LIMIT)) as own:
        yield own.start_all()


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.api_url) as client:
        yield client


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "sales 2026.csv"
    path.write_bytes(CONTENT)
    return path


def test_what_is_downloaded_is_what_was_uploaded(client: Client, path: Path, tmp_path: Path) -> None:
    """With its name, type and checksum; it can be deleted."""
    file = client.upload(path)
    assert (file["name"], file["media_type"], file["size_bytes"]) == (path.name, "text/csv", len(CONTENT))
    assert file["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert client.download(file["file_id"], tmp_path).read_bytes() == CONTENT
    client.delete_file(file["file_id"])
    with pytest.raises(ProblemError) as gone:
        client.get_file(file["file_id"])
    assert gone.value.status == 404


def test_an_empty_file_and_a_stream(client: Client, tmp_path: Path) -> None:
    """Nothing is a file too, and what cannot be measured is sent in chunks."""
    empty = client.upload(b"", name="empty")
    assert client.download(empty["file_id"], tmp_path).read_bytes() == b""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    stored = client.upload(Pipe(CONTENT), name="piped")
    assert stored["size_bytes"] == len(CONTENT)


def test_a_file_that_is_too_large_is_refused(client: Client) -> None:
    """The refusal is heard although the upload is not at its end."""
    with pytest.raises(ProblemError) as refused:
        client.upload(bytes(2 * LIMIT), name="large")
    assert refused.value.status == 413


def test_a_download_goes_on_over_broken_connections(client: Client, stack: Stack, path: Path, tmp_path: Path) -> None:
    """Each connection brings a part, and the whole is right."""
    file = client.upload(path)
    with closing(Proxy()) as proxy:
        link = proxy.link(stack.api_port)
        broken: list[int] = []

        def cut(received: int, total: int) -> None:
            if len(broken) < 3 and received > (len(broken) + 1) * total / 4:
                broken.append(received)
                link.reset()

        with Client(f"http://127.0.0.1:{link.port}") as over:
            target = over.download(file["file_id"], tmp_path, on_progress=cut)
    assert (len(broken), target.read_bytes() == CONTENT) == (3, True)


def test_a_download_outlives_the_api(client: Client, stack: Stack, path: Path, tmp_path: Path) -> None:
    """It is killed and started again in the middle."""
    file = client.upload(path)
    killed: list[int] = []

    def kill(received: int, _total: int) -> None:
        if not killed:
            killed.append(received)
            stack.kill("api")
            stack.start("api")

    assert client.download(file["file_id"], tmp_path, on_progress=kill).read_bytes() == CONTENT
    assert killed[0] < len(CONTENT)


def test_the_command_line_uploads_and_downloads(stack: Stack, path: Path, tmp_path: Path) -> None:
    """By the id that it prints."""
    cli = Cli(stack.api_url)
    file_id = cli.run("upload", str(path)).stdout.strip()
    assert cli.run("download", file_id, str(tmp_path)).stdout == f"{tmp_path / path.name}\n"
    assert (tmp_path / path.name).read_bytes() == CONTENT
    assert json.loads(cli.run("upload", str(path), "--json").stdout)["sha256"] == hashlib.sha256(CONTENT).hexdigest()
