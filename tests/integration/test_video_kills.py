"""ffmpeg dies with its task, however that ends; the attempt after it finishes, and nothing half-written is kept."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from atropos_worker.handlers.video import program
from atropos_worker.handlers.video.probe import probe
from tests.process import is_running
from tests.stack import Stack, wait_until
from tests.videos import clip

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes below /proc")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A worker with one slot."""
    own = Stack(tmp_path_factory.mktemp("video"), lease_seconds="2")
    try:
        yield own.start_servers().start_all()
    finally:
        own.stop()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes some seconds to be made anew."""
    return clip(tmp_path_factory.mktemp("source") / "source.mp4", seconds=40, size="1280x720")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where what is made is kept."""
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


def submit(stack: Stack, source: Path, folder: Path, **request: object) -> str:
    return stack.submit("film", parameters={"path": str(source), "folder": str(folder)}, **request)


def encoding(folder: Path) -> tuple[int, int]:
    """The process that writes below this folder's parent, and its parent, once it is there and has begun to write."""

    def find() -> tuple[int, int] | None:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"file:{folder.parent}/" in (path / "cmdline").read_text() and list(
                    folder.parent.glob("*/video.mp4")
                ):
                    return int(path.name), int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        return None

    return wait_until(find, what="ffmpeg to write")


def assert_gone(pid: int, folder: Path) -> None:
    wait_until(lambda: not is_running(pid), seconds=5, what="the end of ffmpeg")
    assert not list(folder.iterdir())


def assert_whole(folder: Path) -> None:
    made = probe(program.find(), folder / "video.mp4", lambda: None)
    assert made.duration_seconds is not None
    assert abs(made.duration_seconds - 40) < 0.2


def test_progress_comes_from_ffmpeg(workers: Stack, source: Path, folder: Path) -> None:
    """It is seen while it runs, and the result has the probe."""
    task_id = submit(workers, source, folder)
    wait_until(lambda: 0.02 < workers.task(task_id)["progress"] < 1, what="progress")
    assert workers.task(task_id)["progress_message"].startswith("video: ")
    result = workers.wait_for(task_id, "completed", "failed", seconds=90)["result"]
    assert result["probe"]["video"] == {"codec": "h264", "width": 1280, "height": 720, "frames_per_second": 25}
    assert_whole(folder)


def test_a_cancel_ends_it(workers: Stack, source: Path, folder: Path) -> None:
    """At once, and without being interrupted."""
    task_id = submit(workers, source, folder)
    pid, _ = encoding(folder)
    assert workers.http.post(f"/tasks/{task_id}/cancel").status_code < 300
    workers.wait_for(task_id, "cancelled")
    assert_gone(pid, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["kept"]  # scratch is gone too


def test_a_timeout_ends_it(workers: Stack, source: Path, folder: Path) -> None:
    """As any attempt that runs too long."""
    task_id = submit(workers, source, folder, timeout_seconds=1, max_retries=0)
    pid, _ = encoding(folder)
    assert workers.wait_for(task_id, "failed")["error"]["reason"] == "timeout"
    assert_gone(pid, folder)


def test_a_killed_child_takes_it_along(workers: Stack, source: Path, folder: Path) -> None:
    """The kernel ends it; the next attempt finishes."""
    task_id = submit(workers, source, folder)
    pid, parent = encoding(folder)
    os.kill(parent, signal.SIGKILL)
    assert_gone(pid, folder)
    task = workers.wait_for(task_id, "completed", "failed", seconds=90)
    assert (task["status"], task["attempt"]) == ("completed", 2)
    assert_whole(folder)


def test_a_killed_worker_takes_it_along(workers: Stack, source: Path, folder: Path) -> None:
    """All of it dies at once; another worker finishes the task."""
    task_id = submit(workers, source, folder)
    pid, _ = encoding(folder)
    workers.kill("worker")
    assert_gone(pid, folder)
    workers.start("worker")
    task = workers.wait_for(task_id, "completed", "failed", seconds=90)
    assert (task["status"], task["attempt"]) == ("completed", 2)
    assert_whole(folder)
