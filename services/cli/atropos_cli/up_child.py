"""One Python process of `atropos up`, its output and its end; called by up.py and kept alive by the supervisor."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from atropos_cli.embedded.identity import ends_with_launcher
from atropos_cli.up_console import Console


class ChildProcess:
    """A process in a group of its own, so that a terminal's Ctrl-C reaches only the launcher."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        console: Console,
        stop_seconds: float = 10.0,
    ) -> None:
        """Describe a process that may take `stop_seconds` to end after SIGTERM."""
        self.name = name
        self._command = command
        self._environment = environment
        self._console = console
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._asked_to_stop = False

    def start(self) -> None:
        """Start the process, and first end what an earlier one that was killed left behind."""
        self._end_group()
        self._asked_to_stop = False
        # SIGKILL, for nobody would read what a process that stops in order writes, and Celery forgets a SIGTERM
        # when it cannot write that it got one. The lease of a running task lapses.
        self._process = subprocess.Popen(
            [*ends_with_launcher(signal.SIGKILL), *self._command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def exit_code(self) -> int | None:
        """Return the exit code of a process that has ended on its own, None while it runs."""
        return self._process.poll() if self._process else None

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once, to the main process only: a worker's pool must finish its tasks."""
        if self._process and not self._asked_to_stop:
            self._asked_to_stop = True
            self._process.terminate()

    def stop(self) -> None:
        """Ask it to stop and wait `stop_seconds`, then end it by force."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            self._console.note(f"{self.name} did not stop within {self._stop_seconds:.0f} s: killed")
        self.kill()

    def kill(self) -> None:
        """End the process and all of its group with SIGKILL."""
        if self._process is None:
            return
        self._end_group()
        self._process.wait()
        self.drain()
        self._process = None

    def drain(self) -> None:
        """Wait a moment until what the process wrote last is on the console."""
        if self._reader:
            self._reader.join(timeout=1)

    def _end_group(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._console.line(self.name, line)
