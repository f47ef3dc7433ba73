"""Files that are uploaded: what comes back, ranges, and what is refused, in a local folder with real processes."""

import base64
import hashlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack, wait_until
from tests.stored_files import contents, keeping_files

CONTENT = b"order,amount\n" + b"1,9.50\n" * 1000


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with a store, shared by the tests that leave it as it was."""
    directory = tmp_path_factory.mktemp("files")
    with keeping_files(directory, file_sweep_seconds="0.2", max_file_bytes="8000000") as own:
        yield own.start_all()


def _upload(stack: Stack) -> dict[str, Any]:
    return stack.upload(CONTENT, name="orders.csv", media_type="text/csv")


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
    before = len(contents(keeper))
    for digest, status in ((right, 201), (base64.b64encode(bytes(32)).decode(), 400)):
        headers = {"Repr-Digest": f"sha-256=:{digest}:"}
        answer = keeper.http.post("/files", params={"name": "x"}, content=CONTENT, headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["type"] == "urn:atropos:problem:digest-mismatch"
    wait_until(lambda: len(contents(keeper)) == before + 1, what="the refused content to go")


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "x" * 256, "a\nb"])
def test_names_that_no_file_has_are_refused(keeper: Stack, name: str) -> None:
    """With a problem that says where."""
    answer = keeper.http.post("/files", params={"name": name}, content=b"x")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:atropos:problem:invalid-request")


def test_a_file_that_is_too_large_is_refused(keeper: Stack) -> None:
    """Whether its length is announced or not; nothing is kept."""
    before = len(contents(keeper))
    large = bytes(9_000_000)
    announced = keeper.http.post("/files", params={"name": "x"}, content=large)
    streamed = keeper.http.post("/files", params={"name": "x"}, content=(large[:500_000] for _ in range(18)))
    assert {announced.status_code, streamed.status_code} == {413}
    wait_until(lambda: len(contents(keeper)) == before, what="what arrived to go")


def test_an_upload_whose_client_goes_away_leaves_nothing(keeper: Stack) -> None:
    """No row that is seen, and no content."""
    rows, before = keeper.sql("SELECT count(*) FROM files WHERE state = 'ready'"), len(contents(keeper))
    with socket.create_connection(("127.0.0.1", keeper.api_port)) as client:
        client.sendall(b"POST /files?name=x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + bytes(2_000_000))
        wait_until(lambda: keeper.sql("SELECT count(*) FROM files WHERE state = 'writing'")[0][0], what="the upload")
    wait_until(lambda: not keeper.sql("SELECT FROM files WHERE state = 'writing'"), what="the upload to be given up")
    wait_until(lambda: len(contents(keeper)) == before, what="its content to go")
    assert keeper.sql("SELECT count(*) FROM files WHERE state = 'ready'") == rows


def test_an_unknown_file_is_a_problem(keeper: Stack) -> None:
    """To read, to look at and to delete."""
    path = "/files/01a20ce1-e0f2-7a51-9c4d-3f1e5a7b9d20"
    for answer in (keeper.http.get(path), keeper.http.get(f"{path}/info"), keeper.http.delete(path)):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:atropos:problem:file-not-found")


def test_an_upload_can_be_deleted(keeper: Stack) -> None:
    """Its content goes with it."""
    file = _upload(keeper)
    before = len(contents(keeper))
    assert keeper.http.delete(f"/files/{file['file_id']}").status_code == 204
    assert keeper.http.get(f"/files/{file['file_id']}").status_code == 404
    assert len(contents(keeper)) == before - 1


def test_without_a_store_files_are_refused(own_stack: Stack) -> None:
    """With what to set; the rest of the service is none the worse."""
    own_stack.start("api")
    own_stack.wait_for_api()
    answer = own_stack.http.post("/files", params={"name": "x"}, content=b"x")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:atropos:problem:storage-not-configured")
    assert "ATROPOS_STORAGE_URL" in answer.json()["detail"]
