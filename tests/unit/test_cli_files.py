"""`upload`, `download`, `artifacts` and `submit --source`, against a scripted API."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.scripted_api import ID, NOW, OTHER_ID, TASK, ScriptedApi, ok, run

CONTENT = b"a,b\n1,2\n"
FILE: dict[str, Any] = {
    "file_id": OTHER_ID,
    "name": "sales.csv",
    "media_type": "text/csv",
    "size_bytes": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "created_at": NOW,
    "task_id": None,
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    """An API that takes and gives the file."""
    api = ScriptedApi()
    api.install(monkeypatch)
    api.on("POST /tasks", ok(TASK, 202))
    api.on("POST /files", ok(FILE, 201))
    api.on(f"GET /files/{OTHER_ID}/info", ok(FILE))
    api.on(f"GET /files/{OTHER_ID}", httpx.Response(200, content=CONTENT))
    return api


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_bytes(CONTENT)
    return path


def test_upload_prints_the_id_alone(api: ScriptedApi, path: Path) -> None:
    """`FILE=$(atropos upload …)` works."""
    assert run("upload", str(path)).stdout == f"{OTHER_ID}\n"
    assert api.requests[0].content == CONTENT


def test_upload_reads_standard_input(api: ScriptedApi) -> None:
    """It has the name and the type that it is given."""
    result = run("upload", "-", "--name", "s.csv", "--media-type", "text/x", "--json", stdin=CONTENT.decode())
    assert json.loads(result.stdout) == FILE
    request = api.requests[0]
    assert (request.url.params["name"], request.headers["Content-Type"], request.content) == (
        "s.csv",
        "text/x",
        CONTENT,
    )


def test_download_prints_where_it_is(api: ScriptedApi, tmp_path: Path) -> None:
    """A folder keeps the file's own name."""
    result = run("download", OTHER_ID, str(tmp_path))
    assert result.stdout == f"{tmp_path / 'sales.csv'}\n"
    assert (tmp_path / "sales.csv").read_bytes() == CONTENT


def test_a_damaged_download_exits_with_1(api: ScriptedApi, tmp_path: Path) -> None:
    """And leaves nothing."""
    api.on(f"GET /files/{OTHER_ID}", httpx.Response(200, content=b"x" * len(CONTENT)))
    result = run("download", OTHER_ID, str(tmp_path))
    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert "checksum" in result.stderr


def test_what_cannot_be_read_or_written_exits_with_2(api: ScriptedApi, tmp_path: Path) -> None:
    """It is a matter of the command line."""
    missing = tmp_path / "missing"
    commands = [["upload", str(missing)], ["download", OTHER_ID, str(missing / "x")]]
    results = [run(*command) for command in [*commands, ["submit", "default", "--source", str(missing)]]]
    assert [(result.exit_code, result.stdout) for result in results] == [(2, "")] * 3


def test_artifacts_are_listed(api: ScriptedApi) -> None:
    """With ids that are never cut; as JSON in a document."""
    api.on(f"GET /tasks/{ID}", ok(TASK | {"artifacts": [FILE]}))
    assert f"{OTHER_ID}  8 bytes  text/csv  sales.csv" in run("artifacts", ID).stdout
    assert json.loads(run("artifacts", ID, "--json").stdout) == {"artifacts": [FILE]}


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("https://example.org/a.csv", {"url": "https://example.org/a.csv"}),
        (OTHER_ID, {"file_id": OTHER_ID}),
        (f"{ID}/sales.parquet", {"task_id": ID, "artifact": "sales.parquet"}),
        ("{path}", {"file_id": OTHER_ID}),
    ],
)
def test_a_source_is_a_url_an_id_an_artifact_or_a_file(api: ScriptedApi, path: Path, source: str, sent: Any) -> None:
    """It becomes the parameter `source`; a file is uploaded first."""
    result = run("submit", "default", "--source", source.format(path=path))
    assert (result.exit_code, result.stdout) == (0, f"{ID}\n")
    assert api.body() == {"task_type": "default", "parameters": {"source": sent}}
