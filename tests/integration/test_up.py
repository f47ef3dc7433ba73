"""`atropos up`, as a user runs it: one command, real servers, real processes, signals from outside."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from atropos_cli.embedded import PostgresServer, RedisServer
from atropos_cli.embedded.ports import free_port
from tests.integration.up import START_SECONDS, Up, children, command
from tests.page.stand_in import FILES, write_page
from tests.stack import wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A run that the tests leave running."""
    folder = tmp_path_factory.mktemp("running")
    run = Up(folder, ATROPOS_PAGE_DIRECTORY=str(write_page(folder / "out")))
    yield run.start()
    run.stop()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A run that a test starts and ends."""
    run = Up(tmp_path)
    yield run
    if run.process and run.process.poll() is None:
        run.stop()


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [deeper for child in found for deeper in descendants(child)]


def submit(client: httpx.Client) -> str:
    answer = client.post("/tasks", json={"task_type": "default", "parameters": {"processing_time": 0}})
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    return str(answer.json()["task_id"])


def status(client: httpx.Client, task: str) -> Any:
    return client.get(f"/tasks/{task}/status").json().get("status")


def complete_one(client: httpx.Client, seconds: float = 20.0) -> str:
    """Submit a task and return its id once it is completed."""
    task = submit(client)
    wait_until(
        lambda: status(client, task) == "completed", seconds=seconds, what=lambda: client.get(f"/tasks/{task}").text
    )
    return task


def test_a_task_is_completed(running: Up) -> None:
    """One command is enough for a task to be taken and completed."""
    with running.client() as client:
        complete_one(client)


def test_it_says_where_everything_is(running: Up) -> None:
    """The closing block names the API, its documentation, the servers and the data folder."""
    text = running.text()
    assert f"http://127.0.0.1:{running.port}/docs" in text
    assert re.search(r"postgresql\+psycopg2://atropos@127\.0\.0\.1:\d+/atropos", text)
    assert re.search(r"redis://127\.0\.0\.1:\d+/0", text)
    assert str(running.folder / ".atropos") in text


def test_the_page_is_served(running: Up) -> None:
    """The closing block names the page's address, and the page is there."""
    assert re.search(rf"^  page +http://127\.0\.0\.1:{running.port}$", running.text(), re.MULTILINE)
    with running.client() as client:
        assert client.get("/").text == FILES["index.html"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(up: Up, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the launcher with 0, and no process of it is left."""
    up.start()
    assert up.process is not None
    family = descendants(up.process.pid)
    assert len(family) > 5
    assert up.stop(number) == 0, up.text()
    assert [pid for pid in family if command(pid)] == []


def test_tasks_survive_a_stop(up: Up) -> None:
    """A task of the last run is there in the next."""
    with up.start().client() as client:
        task = complete_one(client)
    up.stop()
    with up.start().client() as client:
        assert status(client, task) == "completed"


def test_a_taken_port_is_refused(up: Up) -> None:
    """A port in use ends it at once with exit code 2 and a message that names the port and the option."""
    with closing(socket.create_server(("127.0.0.1", up.port))):
        assert up.launch().wait(START_SECONDS) == 2
    assert f"port {up.port} on 127.0.0.1 is taken" in up.text()
    assert "--port or ATROPOS_API_PORT" in up.text()


def test_a_second_run_on_the_same_data_is_refused(running: Up) -> None:
    """Two launchers never share a data folder; the second names the first."""
    assert running.process is not None
    second = Up(running.folder)
    second.output = running.folder / "second.txt"
    assert second.launch().wait(START_SECONDS) == 2
    assert f"already runs on the data folder .atropos (process {running.process.pid})" in second.text()


def test_a_killed_worker_is_started_again(running: Up) -> None:
    """After kill -9 of the worker the launcher says so, and tasks are completed again."""
    with running.client() as client:
        worker = running.child(b"-m atropos_worker")
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: running.child(b"-m atropos_worker") not in {None, worker}, seconds=20, what=running.text)
        complete_one(client, 60)
    assert "worker ended with SIGKILL" in running.text()


@pytest.mark.parametrize(("program", "name"), [(b"postgres", "PostgreSQL"), (b"valkey-server", "Valkey")])
def test_a_killed_server_is_started_again(running: Up, program: bytes, name: str) -> None:
    """After kill -9 of PostgreSQL or Valkey it comes back at its address, and tasks are completed again."""
    with running.client() as client:
        assert running.process is not None
        complete_one(client)
        found = [p for p in children(running.process.pid) if command(p).split()[0].endswith(program)]
        os.kill(found[0], signal.SIGKILL)
        wait_until(lambda: f"{name} ended with SIGKILL" in running.text(), seconds=10, what=running.text)
        wait_until(lambda: client.get("/readyz").status_code == httpx.codes.OK, seconds=30, what=running.text)
        complete_one(client, 60)


def test_a_killed_launcher_takes_everything_along(up: Up) -> None:
    """After kill -9 of the launcher all its processes end, and the next run finds the old tasks."""
    with up.start().client() as client:
        task = complete_one(client)
    assert up.process is not None
    family = descendants(up.process.pid)
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not [pid for pid in family if command(pid)], seconds=60, what="the processes to be gone")
    with up.start().client() as client:
        assert status(client, task) == "completed"


def test_given_servers_are_used(tmp_path: Path) -> None:
    """With addresses in the environment, here the old names, it starts no server of its own."""
    with (
        PostgresServer(tmp_path / "given" / "postgres", options={"fsync": "off"}) as postgres,
        RedisServer(tmp_path / "given" / "redis") as valkey,
    ):
        plain_url = postgres.url.replace("+psycopg2", "")
        run = Up(tmp_path, DATABASE_URL=plain_url, CELERY_BROKER_URL=valkey.url)
        try:
            with run.start().client() as client:
                complete_one(client)
            assert not (tmp_path / ".atropos" / "postgres").exists()
            assert not (tmp_path / ".atropos" / "redis").exists()
        finally:
            assert run.stop() == 0, run.text()


def test_an_unreachable_database_fails_the_start(tmp_path: Path) -> None:
    """When the migration fails, everything stops with exit code 1 and its output is shown."""
    run = Up(tmp_path, ATROPOS_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert run.launch().wait(START_SECONDS) == 1
    assert "the migration of the database failed" in run.text()
    assert "migrate     | " in run.text()
