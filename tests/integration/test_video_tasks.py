"""Videos through the whole service: upload, work, download; and no half-written artifact after a kill."""

import signal
from pathlib import Path

import pytest

from atropos_worker.handlers.video import program
from atropos_worker.handlers.video.probe import probe
from tests.stack import Stack, wait_until
from tests.videos import clip


@pytest.fixture(scope="module")
def source(service: Stack) -> dict[str, str]:
    """A video of 30 s that was uploaded."""
    path = clip(service.directory / "source.mp4", seconds=30, size="1280x720")
    return {"file_id": service.upload(path.read_bytes(), name="source.mp4")["file_id"]}


def test_a_video_is_uploaded_worked_on_and_downloaded(service: Stack, source: dict[str, str], tmp_path: Path) -> None:
    """The artifacts are listed with the task, and are what was asked for."""
    parameters = {"source": source, "video": {"height": 360}, "audio": {"format": "opus"}, "thumbnails": {}}
    task = service.wait_for(
        service.submit("video_processing", parameters=parameters), "completed", "failed", seconds=90
    )
    assert task["status"] == "completed", task["error"]
    made = {file["name"]: file for file in task["artifacts"]}
    assert {name: file["media_type"] for name, file in made.items()} == {
        "video.mp4": "video/mp4",
        "audio.opus": "audio/ogg",
        "thumbnails.jpg": "image/jpeg",
    }
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(service.http.get(f"/files/{made['video.mp4']['file_id']}").content)
    found = probe(program.find(), copy, lambda: None)
    assert found.model_dump() == task["result"]["made"][0]["probe"]
    assert found.video is not None
    assert (found.video.width, found.video.height) == (640, 360)


def test_what_is_no_video_fails_for_good(service: Stack) -> None:
    """With ffmpeg's own words, and without a second attempt."""
    file = service.upload(b"not a video" * 100, name="x.mp4")
    task_id = service.submit("video_processing", parameters={"source": {"file_id": file["file_id"]}})
    task = service.wait_for(task_id, "failed", "completed")
    assert (task["status"], task["attempt"], task["error"]["reason"]) == ("failed", 1, "permanent")
    assert task["error"]["message"].startswith("ffmpeg: ")


def test_a_killed_worker_leaves_no_artifact(service: Stack, source: dict[str, str]) -> None:
    """Of two outputs one is stored when the worker is killed: nobody sees it, and the retry makes both."""
    parameters = {"source": source, "video": {"height": 90}, "audio": {}, "thumbnails": {"width": 320, "columns": 10}}
    task_id = service.submit("video_processing", parameters=parameters)
    wait_until(lambda: service.sql("SELECT 1 FROM files WHERE task_id = %s", task_id), what="the first artifact")
    service.kill("worker", signal.SIGKILL)
    assert service.task(task_id)["artifacts"] == []
    service.start("worker")
    task = service.wait_for(task_id, "completed", "failed", seconds=90)
    assert (task["status"], task["attempt"]) == ("completed", 2)
    assert sorted(file["name"] for file in task["artifacts"]) == ["audio.m4a", "thumbnails.jpg", "video.mp4"]


def test_with_a_source_no_name_is_made_up(service: Stack, source: dict[str, str]) -> None:
    """A parameter that is misspelt would be left out without a word."""
    request = {"task_type": "video_processing", "parameters": {"source": source, "thumbnail": {}}}
    answer = service.http.post("/tasks", json=request)
    assert answer.status_code == 422
    assert "thumbnail" in answer.text
