"""Files in and out: uploads, ranges, artifacts, and what is left behind, in a local folder with real processes."""

import base64
import hashlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, wait_until

CONTENT = b"order,amount\n" + b"1,9.50\n" * 1000


def _stack(directory: Path, **settings: str) -> Stack:
    storage = (directory / "files").as_uri()
    return Stack(directory, storage_url=storage, file_sweep_seconds="0.2", max_file_bytes="8000000", **settings)


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with a store, shared by the tests that leave it as it was."""
    own = _stack(tmp_path_factory.mktemp("files"))
    try:
        yield own.start_servers().start_all()
    finally:
        own.stop()


def _upload(stack: Stack, content: bytes = CONTENT, name: str = "orders.csv") -> dict[str, Any]:
    answer = stack.http.post("/files", params={"name": name}, content=content, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/files/{found['file_id']}"
    return found


def _contents(stack: Stack) -> list[Path]:
    return [path for path in (stack.directory / "files").rglob("*") if path.is_file()]


def test_an_upload_comes_back_as_it_was(keeper: Stack) -> None:
    """With its name, type, size and digest, and headers that keep a browser from running it."""
    file = _upload(keeper)
    assert file["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (file["name"], file["media_type"], file["size_bytes"], file["task_id"]) == (
        "orders.csv",
        "text/csv",
        len(CONTENT),
        None,
    )
    answer = keeper.http.get(f"/files/{file['file_id']}")
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''orders.csv"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"] == "text/csv"
    assert keeper.http.get(f"/files/{file['file_id']}/info").json() == file
    head = keeper.http.head(f"/files/{file['file_id']}")
    assert (head.headers["content-length"], head.content) == (str(len(CONTENT)), b"")
    assert head.headers["content-type"] == "text/csv"
    known = keeper.http.get(f"/files/{file['file_id']}", headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("media_type", ["text/plain", "text/html; charset=ISO-8859-1", "application/json"])
def test_the_type_is_the_one_it_came_with(keeper: Stack, media_type: str) -> None:
    """Letter by letter: of the whole and of a part."""
    file = keeper.http.post("/files?name=x", content=CONTENT, headers={"Content-Type": media_type}).json()
    for asked in ({}, {"Range": "bytes=0-4"}):
        answer = keeper.http.get(f"/files/{file['file_id']}", headers=asked)
        assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-4", 206, CONTENT[:5]),
        ("bytes=7000-", 206, CONTENT[7000:]),
        ("bytes=-3", 206, CONTENT[-3:]),
        ("bytes=0-0,2-3", 200, CONTENT),
        ("bytes=5-2", 200, CONTENT),
        ("bytes=99999-", 416, None),
    ],
)
def test_a_part_of_a_file_is_served(keeper: Stack, asked: str, status: int, expected: bytes | None) -> None:
    """One range; what is not understood means the whole."""
    file = _upload(keeper)
    answer = keeper.http.get(f"/files/{file['file_id']}", headers={"Range": asked})
    assert answer.status_code == status
    if expected is None:
        assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
        assert answer.json()["type"] == "urn:atropos:problem:range-not-satisfiable"
    else:
        assert answer.content == expected


def test_a_range_of_another_version_is_the_whole(keeper: Stack) -> None:
    """If-Range with an ETag that is not the file's."""
    file = _upload(keeper)
    headers = {"Range": "bytes=0-4", "If-Range": '"other"'}
    assert keeper.http.get(f"/files/{file['file_id']}", headers=headers).content == CONTENT


def test_the_digest_is_checked(keeper: Stack) -> None:
    """The right one is taken; another is refused, and nothing is kept of it."""
    right = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    before = len(_contents(keeper))
    for digest, status in ((right, 201), (base64.b64encode(bytes(32)).decode(), 400)):
        headers = {"Repr-Digest": f"sha-256=:{digest}:"}
        answer = keeper.http.post("/files", params={"name": "x"}, content=CONTENT, headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["type"] == "urn:atropos:problem:digest-mismatch"
    wait_until(lambda: len(_contents(keeper)) == before + 1, what="the refused content to go")


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "x" * 256, "a\nb"])
def test_names_that_no_file_has_are_refused(keeper: Stack, name: str) -> None:
    """With a problem that says where."""
    answer = keeper.http.post("/files", params={"name": name}, content=b"x")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:atropos:problem:invalid-request")


def test_a_file_that_is_too_large_is_refused(keeper: Stack) -> None:
    """Whether its length is announced or not; nothing is kept."""
    before = len(_contents(keeper))
    large = bytes(9_000_000)
    announced = keeper.http.post("/files", params={"name": "x"}, content=large)
    streamed = keeper.http.post("/files", params={"name": "x"}, content=(large[:500_000] for _ in range(18)))
    assert {announced.status_code, streamed.status_code} == {413}
    wait_until(lambda: len(_contents(keeper)) == before, what="what arrived to go")


def test_an_upload_whose_client_goes_away_leaves_nothing(keeper: Stack) -> None:
    """No row that is seen, and no content."""
    rows, before = keeper.sql("SELECT count(*) FROM files WHERE state = 'ready'"), len(_contents(keeper))
    with socket.create_connection(("127.0.0.1", keeper.api_port)) as client:
        client.sendall(b"POST /files?name=x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + bytes(2_000_000))
        wait_until(lambda: keeper.sql("SELECT count(*) FROM files WHERE state = 'writing'")[0][0], what="the upload")
    wait_until(lambda: not keeper.sql("SELECT FROM files WHERE state = 'writing'"), what="the upload to be given up")
    wait_until(lambda: len(_contents(keeper)) == before, what="its content to go")
    assert keeper.sql("SELECT count(*) FROM files WHERE state = 'ready'") == rows


def test_an_unknown_file_is_a_problem(keeper: Stack) -> None:
    """To read, to look at and to delete."""
    path = "/files/01a20ce1-e0f2-7a51-9c4d-3f1e5a7b9d20"
    for answer in (keeper.http.get(path), keeper.http.get(f"{path}/info"), keeper.http.delete(path)):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:atropos:problem:file-not-found")


def test_an_upload_can_be_deleted(keeper: Stack) -> None:
    """Its content goes with it."""
    file = _upload(keeper)
    before = len(_contents(keeper))
    assert keeper.http.delete(f"/files/{file['file_id']}").status_code == 204
    assert keeper.http.get(f"/files/{file['file_id']}").status_code == 404
    assert len(_contents(keeper)) == before - 1


def test_an_artifact_is_listed_and_served(keeper: Stack) -> None:
    """Of an upload, and of the artifact of that; the scratch folder is gone."""
    first = keeper.submit("copy", parameters={"source": {"file_id": _upload(keeper)["file_id"]}, "name": "a.csv"})
    assert keeper.wait_for(first, "completed")["result"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    second = keeper.submit("copy", parameters={"source": {"task_id": first, "artifact": "a.csv"}, "name": "b.csv"})
    task = keeper.wait_for(second, "completed")
    (artifact,) = task["artifacts"]
    assert (artifact["name"], artifact["media_type"], artifact["task_id"]) == ("b.csv", "text/csv", second)
    assert keeper.http.get(f"/tasks/{second}/result").json()["artifacts"] == [artifact]
    assert keeper.http.get(f"/files/{artifact['file_id']}").content == CONTENT
    assert keeper.http.delete(f"/files/{artifact['file_id']}").status_code == 409
    assert not Path(task["result"]["scratch"]).exists()


def test_of_an_attempt_that_failed_nothing_is_seen(keeper: Stack) -> None:
    """The next attempt makes it again, under the same name; one content is left."""
    source = {"file_id": _upload(keeper)["file_id"]}
    before = len(_contents(keeper))
    task_id = keeper.submit("copy", parameters={"source": source, "fail": 1})
    task = keeper.wait_for(task_id, "completed")
    assert (task["attempt"], len(task["artifacts"])) == (2, 1)
    wait_until(lambda: len(_contents(keeper)) == before + 1, what="what the first attempt stored to go")


def test_while_a_task_runs_nothing_is_seen(keeper: Stack) -> None:
    """Its artifact is stored, and a cancel takes it away."""
    source = {"file_id": _upload(keeper)["file_id"]}
    before = len(_contents(keeper))
    task_id = keeper.submit("copy", parameters={"source": source, "seconds": 60})
    wait_until(lambda: keeper.task(task_id)["progress"] == 0.5, what="the artifact")
    assert keeper.task(task_id)["artifacts"] == []
    assert len(_contents(keeper)) == before + 1
    keeper.http.post(f"/tasks/{task_id}/cancel")
    keeper.wait_for(task_id, "cancelled")
    wait_until(lambda: len(_contents(keeper)) == before, what="the artifact to go")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"source": {"file_id": "01a20ce1-e0f2-7a51-9c4d-3f1e5a7b9d20"}}, "There is no file"),
        ({"source": {"url": "http://127.0.0.1:1/x"}}, "127.0.0.1"),
        ({"source": {"task_id": "01a20ce1-e0f2-7a51-9c4d-3f1e5a7b9d20", "artifact": "x"}}, "There is no task"),
        ({"times": 2}, "an artifact named 'copy' already"),
    ],
)
def test_what_cannot_be_had_fails_for_good(keeper: Stack, parameters: dict[str, Any], words: str) -> None:
    """With a sentence, in the first attempt."""
    given = {"source": {"file_id": _upload(keeper)["file_id"]}, **parameters}
    task = keeper.wait_for(keeper.submit("copy", parameters=given), "failed")
    assert (task["attempt"], task["error"]["reason"]) == (1, "permanent")
    assert words in task["error"]["message"]


@pytest.mark.parametrize(
    "source", [{}, {"file_id": "x"}, {"url": "file:///etc/passwd"}, {"url": "http://x", "file_id": "y"}]
)
def test_a_wrong_source_is_refused(keeper: Stack, source: dict[str, str]) -> None:
    """By the API, before there is a task."""
    answer = keeper.http.post("/tasks", json={"task_type": "copy", "parameters": {"source": source}})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:atropos:problem:invalid-request")


def test_a_killed_worker_leaves_nothing_behind(tmp_path: Path) -> None:
    """The task is done again by another one; its artifact is there once, and so is its content."""
    own = _stack(tmp_path, scratch_directory=str(tmp_path))
    try:
        own.start_servers().start_all()
        source = {"file_id": _upload(own)["file_id"]}
        task_id = own.submit("copy", parameters={"source": source, "seconds": 2})
        wait_until(lambda: own.task(task_id)["progress"] == 0.5, what="the artifact")
        worker = own.processes["worker"].pid
        os.killpg(worker, signal.SIGKILL)
        own.kill("worker")
        own.start("worker-2")
        task = own.wait_for(task_id, "completed", seconds=60)
        assert (task["attempt"], len(task["artifacts"])) == (2, 1)
        wait_until(lambda: len(_contents(own)) == 2, what="what the first attempt stored to go")
        assert len(list(tmp_path.glob("atropos-scratch-*"))) == 1
    finally:
        own.stop()


def test_old_files_go(tmp_path: Path) -> None:
    """Uploads after their days, artifacts with their task; the rows say so."""
    moment = "0.0001"  # days: under nine seconds
    own = _stack(tmp_path, retention_uploads_days=moment, retention_completed_days=moment)
    try:
        own.start_servers().start_all()
        own.wait_for(own.submit("copy", parameters={"source": {"file_id": _upload(own)["file_id"]}}), "completed")
        assert own.sql("SELECT count(*) FROM files WHERE state = 'ready'") == [(2,)]
        wait_until(lambda: not _contents(own), seconds=60, what="both contents to go")
        wait_until(lambda: own.sql("SELECT DISTINCT state FROM files") == [("deleted",)], what="that to be noted")
    finally:
        own.stop()


def test_without_a_store_files_are_refused(own_stack: Stack) -> None:
    """With what to set; the rest of the service is none the worse."""
    own_stack.start("api")
    own_stack.wait_for_api()
    answer = own_stack.http.post("/files", params={"name": "x"}, content=b"x")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:atropos:problem:storage-not-configured")
    assert "ATROPOS_STORAGE_URL" in answer.json()["detail"]
