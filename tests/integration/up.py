"""Runs `atropos up` as a user does, and looks at its processes; called by test_up.py and test_new_task.py."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from atropos_cli.embedded.ports import free_port
from tests.stack import wait_until

START_SECONDS = 60.0
STOP_SECONDS = 60.0

NAMES = ("ATROPOS_DATABASE_URL", "DATABASE_URL", "ATROPOS_REDIS_URL", "REDIS_URL", "CELERY_BROKER_URL")


class Up:
    """One run of `atropos up` on a port and in a folder of its own."""

    subcommand = "up"

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.output = folder / "output.txt"
        self._environment = {name: value for name, value in os.environ.items() if name not in NAMES}
        self._environment |= {"ATROPOS_API_PORT": str(self.port), "ATROPOS_API_HOST": "127.0.0.1"} | environment
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it without waiting; what it writes goes to `output`."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("atropos"), self.subcommand],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def start(self) -> "Up":
        """Start it and wait until it says that it runs."""
        process = self.launch()
        wait_until(
            lambda: process.poll() is not None or "Ctrl-C stops" in self.text(), seconds=START_SECONDS, what=self.text
        )
        assert process.poll() is None, self.text()
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the launcher alone and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10, trust_env=False)

    def child(self, module: bytes) -> int | None:
        """Return the id of the launcher's child that runs `module`."""
        assert self.process is not None
        return next((pid for pid in children(self.process.pid) if command(pid).endswith(module)), None)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> bytes:
    """Return a process's command line, empty when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").strip()
    return b""
