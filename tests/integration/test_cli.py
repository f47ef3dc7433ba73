"""The real `atropos` executable against the real service: what it prints, and what it exits with."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from atropos_cli.embedded import PostgresServer
from atropos_cli.embedded.ports import free_port

ATROPOS = [sys.executable, "-m", "atropos_cli.main"]
UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"
#: Seconds within which a command of these tests ends.
DEADLINE = 60.0


class Stack(Protocol):
    """What these tests need of the running service."""

    api_url: str


class Cli:
    """Runs `atropos` against one API."""

    def __init__(self, api_url: str, **environment: str) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith("ATROPOS_")}
        self.environment = {**others, "ATROPOS_API_URL": api_url, "COLUMNS": "120", **environment}

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*ATROPOS, *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=DEADLINE, check=False
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        command = [*ATROPOS, *arguments]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=_listen_to_control_c,
        )


def _listen_to_control_c() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored, and so would be what these tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def cli(stack: Stack) -> Cli:
    return Cli(stack.api_url)


@pytest.fixture
def running(cli: Cli) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A task that runs for long, and an `atropos watch` that has seen it start."""
    task_id = cli.run("submit", "default", "-p", "processing_time=120").stdout.strip()
    with cli.start("watch", task_id) as watch:
        assert watch.stderr is not None
        assert any("attempt 1 started" in line for line in watch.stderr)
        yield task_id, watch
        watch.kill()
    cli.run("cancel", task_id)


def test_submit_and_wait_prints_the_result(cli: Cli) -> None:
    """Exit code 0, and the result alone on standard output."""
    done = cli.run("submit", "data_processing", "-p", "rows=7", "--wait")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


def test_a_task_that_fails_exits_with_1(cli: Cli) -> None:
    """The task is printed with --json, its error on standard error."""
    done = cli.run("submit", "default", "-p", "fail_permanently=true", "--wait", "--json")
    task = json.loads(done.stdout)
    assert (done.returncode, task["status"], task["error"]["reason"]) == (1, "failed", "permanent")
    assert f"error: {task['error']['type']}: " in done.stderr


def test_an_unknown_task_exits_with_3(cli: Cli) -> None:
    """The API refused: it has no such task."""
    done = cli.run("status", UNKNOWN_ID)
    assert (done.returncode, done.stdout) == (3, "")
    assert "There is no such task" in done.stderr


def test_a_type_that_is_not_installed_exits_with_3(cli: Cli) -> None:
    """The API refused: it names the types there are."""
    done = cli.run("submit", "no_such_type")
    assert done.returncode == 3
    assert "data_processing" in done.stderr


def test_a_dead_api_exits_with_4() -> None:
    """Nothing listens at the address."""
    done = Cli(f"http://127.0.0.1:{free_port()}").run("list")
    assert (done.returncode, done.stdout) == (4, "")
    assert "does not answer" in done.stderr


def test_a_wait_that_is_too_short_exits_with_5(cli: Cli) -> None:
    """The task goes on, and is printed as it stands."""
    done = cli.run("submit", "default", "--delay", "3600", "--wait", "--wait-timeout", "0.5", "--json")
    task = json.loads(done.stdout)
    cli.run("cancel", task["task_id"])
    assert (done.returncode, task["status"]) == (5, "pending")


def test_watch_shows_progress_and_ends(cli: Cli) -> None:
    """Progress comes line by line where standard error is no terminal."""
    task_id = cli.run("submit", "default", "-p", "processing_time=8").stdout.strip()
    done = cli.run("watch", task_id)
    assert done.returncode == 0
    assert "attempt 1 started on " in done.stderr
    assert "%" in done.stderr
    assert "completed after " in done.stderr


def test_watch_draws_a_bar_on_a_terminal(cli: Cli) -> None:
    """On a terminal there is one bar."""
    terminal, inside = pty.openpty()
    with cli.start("submit", "default", "-p", "processing_time=1", "--wait", stderr=inside) as done:
        os.close(inside)
        drawn = b"".join(_read_terminal(terminal)).decode()
        assert done.wait(DEADLINE) == 0
    assert "━" in drawn
    assert "100%" in drawn


def _read_terminal(terminal: int) -> Iterator[bytes]:
    with os.fdopen(terminal, "rb", buffering=0) as reader:
        while True:
            try:
                chunk = reader.read(4096)
            except OSError:  # EIO: the other end was closed
                return
            if not chunk:
                return
            yield chunk


def test_logs_are_followed_until_the_task_has_ended(cli: Cli) -> None:
    """A line is printed while the task runs; it is there afterwards too."""
    task_id = cli.run("submit", "default", "-p", "processing_time=120").stdout.strip()
    with cli.start("logs", task_id, "--follow") as following:
        assert following.stdout is not None
        assert following.stdout.readline().endswith(" #1 waiting: begins  seconds=120.0\n")
        assert cli.json("status", task_id)["status"] == "processing"
        cli.run("cancel", task_id)
        assert following.wait(DEADLINE) == 0
    assert [line["message"] for line in cli.json("logs", task_id)["lines"]] == ["waiting: begins"]


def test_a_running_task_is_cancelled(cli: Cli, running: tuple[str, "subprocess.Popen[str]"]) -> None:
    """It is asked to stop, and whoever watches it learns that with exit code 1."""
    task_id, watch = running
    assert cli.run("cancel", task_id).stdout == f"{task_id} asked to stop\n"
    assert watch.wait(DEADLINE) == 1
    assert cli.json("status", task_id)["status"] == "cancelled"


def test_control_c_leaves_the_task_running(cli: Cli, running: tuple[str, "subprocess.Popen[str]"]) -> None:
    """Watching ends with exit code 130; the task does not."""
    task_id, watch = running
    watch.send_signal(signal.SIGINT)
    assert watch.wait(DEADLINE) == 130
    assert cli.json("status", task_id)["status"] == "processing"


def test_tasks_are_chosen_by_label(cli: Cli) -> None:
    """list, cancel and retry by filter see the same tasks."""
    label = f"run=cli-{os.getpid()}"
    submitted = {cli.run("submit", "default", "--delay", "3600", "--label", label).stdout.strip() for _ in range(3)}
    assert {task["task_id"] for task in cli.json("list", "--label", label)["tasks"]} == submitted
    assert cli.json("cancel", "--label", label, "--dry-run")["matched"] == 3
    assert cli.json("cancel", "--label", label, "--yes")["changed"] == 3
    assert cli.json("retry", "--label", label, "--status", "cancelled", "--yes")["changed"] == 3


def test_pages_follow_each_other(cli: Cli) -> None:
    """--cursor goes on where the page before ended."""
    label = f"run=pages-{os.getpid()}"
    submitted = [cli.run("submit", "default", "--delay", "3600", "--label", label).stdout.strip() for _ in range(2)]
    first = cli.json("list", "--label", label, "--limit", "1")
    second = cli.json("list", "--label", label, "--limit", "1", "--cursor", first["next_cursor"])
    cli.run("cancel", *submitted)
    assert [first["tasks"][0]["task_id"], second["tasks"][0]["task_id"]] == submitted[::-1]


def test_the_service_is_shown(cli: Cli) -> None:
    """types and workers list what the stack has."""
    assert "data_processing" in {kind["name"] for kind in cli.json("types")["task_types"]}
    assert cli.json("workers")["workers"]


def test_doctor_is_all_green(cli: Cli) -> None:
    """Every check of a healthy service is ok."""
    report = cli.json("doctor")
    assert report["healthy"]
    assert {check["name"]: check["status"] for check in report["checks"]} == dict.fromkeys(
        ["api", "database", "schema", "broker", "dispatcher", "workers"], "ok"
    )


def test_doctor_looks_at_the_servers_when_the_api_is_dead(tmp_path: Path) -> None:
    """A new database answers but has no schema, and no broker is there."""
    with PostgresServer(tmp_path / "postgres", options={"fsync": "off"}) as postgres:
        nowhere = f"redis://127.0.0.1:{free_port()}/0"
        addresses = {"ATROPOS_DATABASE_URL": postgres.url, "ATROPOS_REDIS_URL": nowhere}
        done = Cli(f"http://127.0.0.1:{free_port()}", **addresses).run("doctor", "--json")
    checks = {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    servers = {"database": "ok", "schema": "problem", "broker": "problem"}
    assert checks == {"api": "problem", **servers, "dispatcher": "unknown", "workers": "unknown"}
    assert done.returncode == 4
