"""Handlers that harm their process: each task ends with a clear error, and the tasks beside and after it complete."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import is_running, peak_megabytes
from tests.stack import Stack, wait_until

MEMORY = 400_000_000


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A worker with two slots."""
    settings = {
        "worker_concurrency": "2",
        "worker_child_memory_bytes": str(MEMORY),
        "lease_seconds": "2",
        "stop_grace_seconds": "0.3",
        "log_format": "json",
    }
    own = Stack(tmp_path_factory.mktemp("handlers"), **settings)
    try:
        yield own.start_servers().start_all()
    finally:
        own.stop()


def abuse(stack: Stack, how: str, **request: Any) -> str:
    """Submit a task that does this, with no second attempt; returns its id."""
    parameters = {"how": how, "path": str(request.pop("path", ""))}
    return stack.submit("abuse", parameters=parameters, max_retries=0, **request)


def assert_unharmed(stack: Stack, beside: str) -> None:
    """The task that ran meanwhile, and two more, complete at their first attempt."""
    for task_id in (beside, stack.submit(), stack.submit()):
        assert stack.wait_for(task_id, "completed", "failed")["attempt"] == 1
        assert stack.task(task_id)["status"] == "completed"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("endless", ("permanent", "ResultNotStorable")),
        ("nan", ("permanent", "ResultNotStorable")),
        ("nested", ("permanent", "ResultNotStorable")),
        ("raw_bytes", ("permanent", "ResultNotStorable")),
        ("digits", ("permanent", "ResultNotStorable")),
        ("unspeakable", ("error", "Unspeakable")),
        ("interrupt", ("error", "KeyboardInterrupt")),
        ("out_of_memory", ("error", "MemoryError")),
        ("recurse", ("error", "RecursionError")),
        ("group", ("error", "ExceptionGroup")),
        ("leak", ("error", "MemoryLimit")),
        ("huge", ("permanent", "ResultNotStorable")),
    ],
)
def test_what_a_handler_returns_or_raises(workers: Stack, how: str, expected: tuple[str, str]) -> None:
    """Its error says what was wrong, in a bounded number of words."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    error = workers.wait_for(abuse(workers, how), "failed")["error"]
    assert (error["reason"], error["type"]) == expected
    assert len(str(error)) < 50_000
    assert_unharmed(workers, beside)


@pytest.mark.parametrize("how", ["swallow_everything", "block_signals", "default_signals"])
def test_handlers_that_cannot_be_interrupted(workers: Stack, how: str) -> None:
    """They time out all the same, by the end of their process."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    error = workers.wait_for(abuse(workers, how, timeout_seconds=0.5), "failed")["error"]
    assert error["reason"] == "timeout"
    assert_unharmed(workers, beside)


def test_handlers_that_end_their_process(workers: Stack) -> None:
    """The attempt is lost with its worker, whichever way the process went."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    for task_id in [abuse(workers, how) for how in ("leave_process_image", "abort", "kill_itself")]:
        assert workers.wait_for(task_id, "failed")["error"]["reason"] == "worker_lost"
    assert_unharmed(workers, beside)


def test_a_handler_that_keeps_the_interpreter_to_itself(workers: Stack, tmp_path: Path) -> None:
    """Nothing in its process can run: the attempt is lost with its lease, and then the process is ended."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    task_id = abuse(workers, "hold_the_interpreter", path=tmp_path / "pid")
    assert workers.wait_for(task_id, "failed")["error"]["reason"] == "worker_lost"
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_running(pid), what="the end of the process that holds the interpreter")
    assert_unharmed(workers, beside)


@pytest.mark.parametrize(
    ("how", "reason"), [("leave_processes", "timeout"), ("leave_processes_and_die", "worker_lost")]
)
def test_processes_that_a_handler_leaves_behind(workers: Stack, tmp_path: Path, how: str, reason: str) -> None:
    """What it started and what it forked ends with its own process."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    task_id = abuse(workers, how, path=tmp_path / "pids", timeout_seconds=1)
    assert workers.wait_for(task_id, "failed")["error"]["reason"] == reason
    left = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: not any(map(is_running, left)), what="the end of what it left behind")
    assert_unharmed(workers, beside)


def test_a_copy_of_the_process_settles_nothing(workers: Stack, tmp_path: Path) -> None:
    """A handler that forks and returns twice has the result of the original, and the copy takes no tasks."""
    task_id = abuse(workers, "return_from_a_fork", path=tmp_path / "pid")
    assert workers.wait_for(task_id, "completed")["result"] == "the result"
    copy = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_running(copy), what="the end of the copy")
    assert workers.events(task_id) == ["submitted", "started", "completed"]


def test_a_flood_of_lines_and_progress(workers: Stack) -> None:
    """A million reports and tens of thousands of long lines are bounded where they are kept."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    for how in ("chatter", "progress", "strange_progress"):
        task_id = abuse(workers, how)
        assert workers.wait_for(task_id, "completed", "failed")["status"] == "completed"
        assert workers.sql("SELECT count(*) <= 1000 FROM task_logs WHERE task_id = %s", task_id) == [(True,)]
        assert len(workers.events(task_id)) < 100
    assert_unharmed(workers, beside)
    assert peak_megabytes(workers.processes["worker"].pid) < MEMORY / 1e6


@pytest.mark.parametrize("how", ["close_streams", "close_everything", "ignore_signals", "upset"])
def test_what_the_next_task_in_the_same_process_sees(workers: Stack, tmp_path: Path, how: str) -> None:
    """Whatever was closed, ignored or replaced: outcomes are written, and the tasks after it can be made to stop."""
    beside = workers.submit(parameters={"processing_time": 0.5})
    workers.wait_for(abuse(workers, how, path=tmp_path), "completed")
    assert_unharmed(workers, beside)
    deaf = [
        workers.submit("behave", parameters={"behaviour": "deaf"}, timeout_seconds=0.5, max_retries=0) for _ in range(2)
    ]
    assert [workers.wait_for(task_id, "failed")["error"]["type"] for task_id in deaf] == ["TaskTimeout"] * 2
    assert "keeper_failed" not in workers.log("worker")


def test_a_worker_drains_after_all_of_it(workers: Stack, tmp_path: Path) -> None:
    """Threads that never end and signals that are ignored do not hold it up; nothing of it stays."""
    for how in ("ignore_signals", "upset"):
        workers.wait_for(abuse(workers, how, path=tmp_path), "completed")
    session = workers.processes["worker"].pid
    assert workers.kill("worker", signal.SIGTERM) == 0
    wait_until(lambda: not [pid for pid in _running() if _session(pid) == session], what="the end of all its processes")


def _running() -> list[int]:
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_running(pid)]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
