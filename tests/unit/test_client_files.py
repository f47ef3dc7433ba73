"""Upload and download against a scripted API: broken connections, damaged content, names that lead elsewhere."""

import asyncio
import hashlib
import io
from pathlib import Path
from typing import Any

import httpx
import pytest

from atropos_client import AsyncClient, ChecksumMismatch, ProblemError
from tests.unit.scripted_api import ID, NOW, Cut, ScriptedApi, ok, problem

CONTENT = bytes(range(256)) * 40
FILE = {
    "file_id": ID,
    "name": "sales.csv",
    "media_type": "text/csv",
    "size_bytes": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "created_at": NOW,
    "task_id": None,
}
INFO, GET = f"GET /files/{ID}/info", f"GET /files/{ID}"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    """An API that has the file, and whose clients hardly pause."""
    monkeypatch.setattr("atropos_client.patience.FIRST_PAUSE_SECONDS", 0.001)
    api = ScriptedApi()
    api.on(INFO, ok(FILE))
    return api


def part(start: int, *, cut: int | None = None) -> httpx.Response:
    """The content from one byte on; broken off after another."""
    headers = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"} if start else {}
    body = CONTENT[start:cut]
    stream: dict[str, Any] = {"content": body} if cut is None else {"stream": Cut(body)}
    return httpx.Response(206 if start else 200, headers=headers, **stream)


def ranges(api: ScriptedApi) -> list[str | None]:
    """The range that each request for the content asked for."""
    return [request.headers.get("Range") for request in api.requests if request.url.path == f"/files/{ID}"]


def test_a_broken_download_goes_on_where_it_broke(api: ScriptedApi, tmp_path: Path) -> None:
    """As often as it takes, and the file has its own name in a folder."""
    api.on(GET, part(0, cut=1000), httpx.ConnectError("away"), part(1000, cut=9000), part(9000))
    target = api.connect(patience=30).download(ID, tmp_path)
    assert (target.name, target.read_bytes()) == ("sales.csv", CONTENT)
    assert ranges(api) == [None, "bytes=1000-", "bytes=1000-", "bytes=9000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["sales.csv"]


def test_a_server_without_ranges_begins_anew(api: ScriptedApi, tmp_path: Path) -> None:
    """What has come is written over."""
    api.on(GET, part(0, cut=5000), part(0))
    assert api.connect(patience=30).download(ID, tmp_path / "mine").read_bytes() == CONTENT


@pytest.mark.parametrize("body", [CONTENT[:-1] + b"x", CONTENT + b"x"])
def test_damaged_content_is_never_there(api: ScriptedApi, tmp_path: Path, body: bytes) -> None:
    """The file from before stays, and nothing is left beside it."""
    api.on(GET, httpx.Response(200, content=body))
    target = tmp_path / "sales.csv"
    target.write_bytes(b"before")
    with pytest.raises(ChecksumMismatch):
        api.connect().download(ID, target)
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (b"before", [target])


def test_a_download_that_ends_with_an_error_leaves_nothing(api: ScriptedApi, tmp_path: Path) -> None:
    """Also one whose file was deleted in the middle."""
    api.on(GET, part(0, cut=5000), problem(404, "Gone"))
    with pytest.raises(ProblemError):
        api.connect(patience=30).download(ID, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "written"),
    [("../../etc/passwd", "passwd"), ("a\\..\\b.csv", "b.csv"), ("..", ID), ("/", ID), ("a\x1b\nb", "ab")],
)
def test_names_do_not_lead_out_of_the_folder(api: ScriptedApi, tmp_path: Path, name: str, written: str) -> None:
    """They come from whoever uploaded the file."""
    api.on(INFO, ok(FILE | {"name": name}))
    api.on(GET, part(0))
    assert api.connect().download(ID, tmp_path) == tmp_path / written


def test_an_asyncio_client_downloads(api: ScriptedApi, tmp_path: Path) -> None:
    """The same, and tells how far it is."""
    api.on(GET, part(0, cut=5000), part(5000))
    told: list[int] = []

    async def run() -> Path:
        async with AsyncClient("http://test", transport=httpx.MockTransport(api.handle)) as client:
            return await client.download(ID, tmp_path, on_progress=lambda received, _all: told.append(received))

    assert asyncio.run(run()).read_bytes() == CONTENT
    assert told == [5000, len(CONTENT)]


def test_an_upload_tells_name_type_and_length(api: ScriptedApi, tmp_path: Path) -> None:
    """Those of the path."""
    path = tmp_path / "sales.csv"
    path.write_bytes(CONTENT)
    api.on("POST /files", ok(FILE, 201))
    assert api.connect().upload(path) == FILE
    request = api.requests[0]
    assert (request.url.params["name"], request.headers["Content-Type"]) == ("sales.csv", "text/csv")
    assert request.headers["Content-Length"] == str(len(CONTENT))


def test_an_upload_that_arrives_damaged_is_deleted(api: ScriptedApi) -> None:
    """The checksum that the API answers is compared with what was sent."""
    api.on("POST /files", ok(FILE | {"sha256": "0" * 64}, 201))
    api.on(f"DELETE /files/{ID}", httpx.Response(204))
    with pytest.raises(ChecksumMismatch):
        api.connect().upload(CONTENT, name="sales.csv")
    assert [request.method for request in api.requests] == ["POST", "DELETE"]


def test_an_upload_is_not_sent_twice(api: ScriptedApi) -> None:
    """Nobody knows whether the first one was stored; where nobody was there to take it, it is sent again."""
    api.on("POST /files", httpx.ConnectError("refused"), httpx.ReadError("reset"), ok(FILE, 201))
    with pytest.raises(Exception, match="reset"):
        api.connect(patience=30).upload(io.BytesIO(CONTENT), name="sales.parquet")
    assert len(api.requests) == 2
    assert api.requests[0].headers["Content-Type"] == "application/vnd.apache.parquet"
