"""Artifacts of tasks: where they come from, who sees them when, and what goes again; with real processes."""

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, wait_until
from tests.stored_files import contents, keeping_files

CONTENT = b"order,amount\n" + b"1,9.50\n" * 1000


def _source(stack: Stack) -> dict[str, str]:
    """A file that was uploaded."""
    return {"file_id": stack.upload(CONTENT, name="orders.csv", media_type="text/csv")["file_id"]}


def test_an_artifact_is_listed_and_served(service: Stack) -> None:
    """Of an upload, and of the artifact of that; the scratch folder is gone."""
    first = service.submit("copy", parameters={"source": _source(service), "name": "a.csv"})
    assert service.wait_for(first, "completed")["result"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    second = service.submit("copy", parameters={"source": {"task_id": first, "artifact": "a.csv"}, "name": "b.csv"})
    task = service.wait_for(second, "completed")
    (artifact,) = task["artifacts"]
    assert (artifact["name"], artifact["media_type"], artifact["task_id"]) == ("b.csv", "text/csv", second)
    assert service.http.get(f"/tasks/{second}/result").json()["artifacts"] == [artifact]
    assert service.http.get(f"/files/{artifact['file_id']}").content == CONTENT
    assert service.http.delete(f"/files/{artifact['file_id']}").status_code == 409
    assert not Path(task["result"]["scratch"]).exists()


def test_of_an_attempt_that_failed_nothing_is_seen(service: Stack) -> None:
    """The next attempt makes it again, under the same name; one content is left."""
    source = _source(service)
    before = len(contents(service))
    task_id = service.submit("copy", parameters={"source": source, "fail": 1})
    task = service.wait_for(task_id, "completed")
    assert (task["attempt"], len(task["artifacts"])) == (2, 1)
    wait_until(lambda: len(contents(service)) == before + 1, what="what the first attempt stored to go")


def test_while_a_task_runs_nothing_is_seen(service: Stack) -> None:
    """Its artifact is stored, and a cancel takes it away."""
    source = _source(service)
    before = len(contents(service))
    task_id = service.submit("copy", parameters={"source": source, "seconds": 60})
    wait_until(lambda: service.task(task_id)["progress"] == 0.5, what="the artifact")
    assert service.task(task_id)["artifacts"] == []
    assert len(contents(service)) == before + 1
    service.http.post(f"/tasks/{task_id}/cancel")
    service.wait_for(task_id, "cancelled")
    wait_until(lambda: len(contents(service)) == before, what="the artifact to go")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"source": {"file_id": "01a20ce1-e0f2-7a51-9c4d-3f1e5a7b9d20"}}, "There is no file"),
        ({"source": {"url": "http://127.0.0.1:1/x"}}, "127.0.0.1"),
        ({"source": {"task_id": "01a20ce1-e0f2-7a51-9c4d-3f1e5a7b9d20", "artifact": "x"}}, "There is no task"),
        ({"times": 2}, "an artifact named 'copy' already"),
    ],
)
def test_what_cannot_be_had_fails_for_good(service: Stack, parameters: dict[str, Any], words: str) -> None:
    """With a sentence, in the first attempt."""
    given = {"source": _source(service), **parameters}
    task = service.wait_for(service.submit("copy", parameters=given), "failed")
    assert (task["attempt"], task["error"]["reason"]) == (1, "permanent")
    assert words in task["error"]["message"]


@pytest.mark.parametrize(
    "source", [{}, {"file_id": "x"}, {"url": "file:///etc/passwd"}, {"url": "http://x", "file_id": "y"}]
)
def test_a_wrong_source_is_refused(service: Stack, source: dict[str, str]) -> None:
    """By the API, before there is a task."""
    answer = service.http.post("/tasks", json={"task_type": "copy", "parameters": {"source": source}})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:atropos:problem:invalid-request")


def test_a_killed_worker_leaves_nothing_behind(tmp_path: Path) -> None:
    """The task is done again by another one; its artifact is there once, and so is its content."""
    with keeping_files(tmp_path, file_sweep_seconds="0.2", scratch_directory=str(tmp_path)) as own:
        own.start_all()
        source = _source(own)
        task_id = own.submit("copy", parameters={"source": source, "seconds": 2})
        wait_until(lambda: own.task(task_id)["progress"] == 0.5, what="the artifact")
        worker = own.processes["worker"].pid
        os.killpg(worker, signal.SIGKILL)
        own.kill("worker")
        own.start("worker-2")
        task = own.wait_for(task_id, "completed", seconds=60)
        assert (task["attempt"], len(task["artifacts"])) == (2, 1)
        wait_until(lambda: len(contents(own)) == 2, what="what the first attempt stored to go")
        assert len(list(tmp_path.glob("atropos-scratch-*"))) == 1


def test_old_files_go(tmp_path: Path) -> None:
    """Uploads after their days, artifacts with their task; the rows say so."""
    moment = "0.0001"  # days: under nine seconds
    with keeping_files(
        tmp_path, file_sweep_seconds="0.2", retention_uploads_days=moment, retention_completed_days=moment
    ) as own:
        own.start_all()
        own.wait_for(own.submit("copy", parameters={"source": _source(own)}), "completed")
        assert own.sql("SELECT count(*) FROM files WHERE state = 'ready'") == [(2,)]
        wait_until(lambda: not contents(own), seconds=60, what="both contents to go")
        wait_until(lambda: own.sql("SELECT DISTINCT state FROM files") == [("deleted",)], what="that to be noted")
