"""The whole service with its files in a bucket: an upload, a task that reads it, its artifact, and a download."""

import hashlib
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from atropos_core.storage import PART_BYTES
from tests.s3.bucket import Bucket
from tests.stack import Stack, wait_until

#: Of three parts.
CONTENT = bytes(range(250)) * (2 * PART_BYTES // 250 + 1000)
#: Of the API, in seconds, with a client that sends nothing.
PATIENCE = 1


@pytest.fixture(scope="module")
def service(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that keeps its files in the bucket."""
    own = Stack(
        tmp_path_factory.mktemp("service"),
        file_sweep_seconds="0.2",
        client_timeout_seconds=str(PATIENCE),
        **bucket.settings,
    )
    try:
        yield own.start_servers().start_all()
    finally:
        own.stop()


def _upload(service: Stack) -> dict[str, Any]:
    return service.upload(CONTENT, name="numbers", media_type="text/csv")


def _named(bucket: Bucket, file_id: str) -> int:
    """How many objects and unfinished uploads are of this file."""
    return sum(name.endswith(file_id) for name in [*bucket.objects(), *bucket.unfinished()])


def test_from_an_upload_to_the_download_of_what_a_task_made_of_it(bucket: Bucket, service: Stack) -> None:
    """Byte for byte, the whole and a part; what is deleted leaves the bucket."""
    file = _upload(service)
    task_id = service.submit("copy", parameters={"source": {"file_id": file["file_id"]}, "name": "copy.csv"})
    task = service.wait_for(task_id, "completed")
    (artifact,) = task["artifacts"]
    assert artifact["sha256"] == task["result"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    path = f"/files/{artifact['file_id']}"
    assert service.http.get(path).content == CONTENT
    part = service.http.get(path, headers={"Range": f"bytes={PART_BYTES - 2}-{PART_BYTES + 1}"})
    assert (part.status_code, part.content) == (206, CONTENT[PART_BYTES - 2 : PART_BYTES + 2])
    assert service.http.delete(f"/files/{file['file_id']}").status_code == 204
    assert (_named(bucket, file["file_id"]), _named(bucket, artifact["file_id"])) == (0, 1)


def test_a_killed_worker_leaves_no_artifact(bucket: Bucket, service: Stack) -> None:
    """Of its attempt nothing is seen, and nothing stays in the bucket; the next attempt makes it anew."""
    before = bucket.objects()
    source = {"file_id": _upload(service)["file_id"]}
    task_id = service.submit("copy", parameters={"source": source, "seconds": 3})
    wait_until(lambda: service.task(task_id)["progress"] == 0.5, what="the artifact")
    [[stored]] = service.sql("SELECT id FROM files WHERE task_id = %s", task_id)
    os.killpg(service.processes["worker"].pid, signal.SIGKILL)
    service.kill("worker")
    assert _named(bucket, str(stored)) == 1
    assert service.task(task_id)["artifacts"] == []
    assert service.http.get(f"/files/{stored}").status_code == 404
    service.start("worker")
    task = service.wait_for(task_id, "completed", seconds=60)
    assert (task["attempt"], len(task["artifacts"])) == (2, 1)
    wait_until(lambda: not _named(bucket, str(stored)), what="what the first attempt stored to go")
    assert len(bucket.objects() - before) == 2


def test_an_upload_that_breaks_off_leaves_nothing(bucket: Bucket, service: Stack) -> None:
    """Not even parts, which no list of objects shows."""
    head = f"POST /files?name=x HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    before, unfinished = bucket.objects(), bucket.unfinished()
    with socket.create_connection(("127.0.0.1", service.api_port), timeout=30) as client:
        client.sendall(head.encode() + CONTENT[: PART_BYTES + 1_000_000])
        wait_until(lambda: bucket.unfinished() > unfinished, what="an upload in the bucket")
    wait_until(lambda: bucket.unfinished() == unfinished, what="that upload to end")
    assert bucket.objects() == before


def test_a_store_that_takes_its_time_is_not_the_fault_of_the_client(bucket: Bucket, service: Stack) -> None:
    """An upload that cannot go on since the store does not answer for longer than clients may be silent."""
    with ThreadPoolExecutor(1) as pool:
        bucket.process.send_signal(signal.SIGSTOP)
        try:
            upload = pool.submit(_upload, service)
            wait_until(lambda: service.sql("SELECT FROM files WHERE state = 'writing'"), what="the upload")
            assert not wait([upload], timeout=4 * PATIENCE).done
        finally:
            bucket.process.send_signal(signal.SIGCONT)
        assert upload.result(timeout=30)["size_bytes"] == len(CONTENT)
