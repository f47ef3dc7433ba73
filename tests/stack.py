"""The real service for tests: embedded PostgreSQL and Valkey, and real processes that can be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import redis

from atropos_cli.embedded import PostgresServer, RedisServer
from atropos_cli.embedded.ports import free_port
from atropos_core.db import Database
from atropos_core.migrate import migrate
from atropos_core.settings import Settings

#: Durability is PostgreSQL's own business; these tests kill the server's process, not the machine.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
MODULES = {"api": "atropos_api", "dispatcher": "atropos_worker.dispatcher", "worker": "atropos_worker"}
#: Short, so that tests need not wait long; the ratios are those of the defaults.
SETTINGS = {
    "lease_seconds": "3",
    "heartbeat_seconds": "0.5",
    "progress_seconds": "0.2",
    "stop_grace_seconds": "1",
    "retry_base_seconds": "0.2",
    "drain_seconds": "3",
    "drain_notice_seconds": "1",
    "process_heartbeat_seconds": "1",
    "log_format": "console",
}
#: Task types that misbehave.
PLUGIN = Path(__file__).parent / "plugin"
Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found], *, seconds: float = 30.0, what: str | Callable[[], str] = "it to happen"
) -> Found:
    """The first true value of the condition. Raises AssertionError, with `what`, after the deadline."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            awaited = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {seconds} s for {awaited}; last seen: {found!r}")
        time.sleep(pause)  # between two looks at the condition


class Stack:
    """One service on servers of its own. Processes are started by name and role, and logged to files."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.postgres = PostgresServer(directory / "postgres", options=QUICK)
        self.redis_server = RedisServer(directory / "redis")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.overrides = {**SETTINGS, **settings}
        self.api_port = free_port()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def start_servers(self) -> "Stack":
        """Servers with a schema, and no process of ours."""
        self.postgres.start()
        self.redis_server.start()
        self.settings = Settings(database_url=self.postgres.url, redis_url=self.redis_server.url)
        self.database = Database(self.settings, name="test")
        self.redis = redis.Redis.from_url(self.redis_server.url, decode_responses=True)
        migrate(self.database)
        self.http = httpx.Client(base_url=self.api_url, timeout=30)
        return self

    def environment(self) -> dict[str, str]:
        """What our processes are started with: nothing of the machine's own settings."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("ATROPOS_", "OTEL_"))}
        ours = {f"ATROPOS_{name.upper()}": value for name, value in self.overrides.items()}
        return {
            **plain,
            **ours,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(PLUGIN), plain.get("PYTHONPATH")])),
            "ATROPOS_DATABASE_URL": self.postgres.url,
            "ATROPOS_REDIS_URL": self.redis_server.url,
            "ATROPOS_API_PORT": str(self.api_port),
        }

    def start(self, name: str, **settings: str) -> "subprocess.Popen[bytes]":
        """Start a process; the name begins with its role: `worker`, `worker-2`."""
        module = MODULES[name.partition("-")[0]]
        extra = {f"ATROPOS_{key.upper()}": value for key, value in settings.items()}
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**self.environment(), **extra},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_all(self) -> "Stack":
        """API, dispatcher and one worker, all at work."""
        for name in ("api", "dispatcher", "worker"):
            self.start(name)
        self.wait_for_api()
        wait_until(lambda: self.health().get("status") == "ok", what="a healthy service")
        return self

    def wait_for_api(self) -> None:
        """Until the API is ready."""
        wait_until(lambda: self._get("/readyz") == 200, what=lambda: f"the API: {self.log('api')[-800:]}")

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/health").json()
        return found

    def _get(self, path: str) -> int | None:
        try:
            return self.http.get(path).status_code
        except httpx.TransportError:
            return None

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the main process and wait until it is gone; returns the exit code."""
        process = self.processes.pop(name)
        process.send_signal(sig)
        return process.wait(timeout=60)

    def log(self, name: str) -> str:
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def submit(self, task_type: str = "default", **request: Any) -> str:
        """Submit a task through the API; returns its id."""
        answer = self.http.post("/tasks", json={"task_type": task_type, **request})
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def upload(self, content: bytes, *, name: str, media_type: str | None = None) -> dict[str, Any]:
        """Upload a file through the API; returns what the API says of it."""
        headers = {"Content-Type": media_type} if media_type else {}
        answer = self.http.post("/files", params={"name": name}, content=content, headers=headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"/files/{found['file_id']}"
        return found

    def task(self, task_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/tasks/{task_id}").json()
        return found

    def wait_for(self, task_id: str, *statuses: str, seconds: float = 30.0) -> dict[str, Any]:
        """The task, once it is in one of these states."""
        return wait_until(
            lambda: task if (task := self.task(task_id))["status"] in statuses else None,
            seconds=seconds,
            what=lambda: f"{task_id} to be {statuses}: {self.log('worker')[-1500:]}",
        )

    def events(self, task_id: str) -> list[str]:
        """The types of the task's events, in order."""
        return [row[0] for row in self.sql("SELECT type FROM events WHERE task_id = %s ORDER BY id", task_id)]

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Rows of a statement of the test's own."""
        with self.database.engine.begin() as connection:
            found = connection.exec_driver_sql(statement, values)
            return list(found) if found.returns_rows else []

    def stop(self) -> None:
        """Kill what still runs."""
        for name in list(self.processes):
            self.kill(name)
        if hasattr(self, "database"):
            self.http.close()
            self.redis.close()
            self.database.close()
        self.redis_server.stop()
        self.postgres.stop()
