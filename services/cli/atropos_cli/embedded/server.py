"""What the two embedded servers share: one process, one port, one data folder that only it may use."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from atropos_cli.embedded.errors import ServerError
from atropos_cli.embedded.identity import ends_with_launcher
from atropos_cli.embedded.lock import folder_lock
from atropos_cli.embedded.ports import free_port, is_free

START_SECONDS = 60.0  # a PostgreSQL that was killed first replays its log
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
LOG_LINES = 20
MAX_LOG_BYTES = 1_000_000  # a longer log is begun anew at the next start


class Server(ABC):
    """A server on 127.0.0.1 that keeps its port over restarts and writes its log beside its data folder.

    Start it from a thread that lives as long as the server should (see `ends_with_launcher`). A server that
    an earlier, killed launcher left on the same data folder is stopped first.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, data_directory: Path, *, port: int = 0, options: Mapping[str, str] = {}) -> None:
        """Take `port` (0: a free one, chosen at the first start) and the server's own `options`."""
        self.data_directory = data_directory.absolute()
        self.log_file = self.data_directory.with_name(f"{self.data_directory.name}.log")
        self.port = port
        self.options = dict(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = False

    @property
    @abstractmethod
    def url(self) -> str:
        """The address that Atropos takes, valid once the server was started."""

    @property
    def pid(self) -> int:
        """The server's main process; raises ServerError when it does not run."""
        if self._process is None:
            raise ServerError(f"{self.name} does not run")
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code of a server that has ended on its own, None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Return when the server answers; raise ServerError, with its last log lines, when it does not."""
        if self._process and self._process.poll() is None:
            return
        try:
            self._take_folder_and_launch()
        except PermissionError as error:
            raise ServerError(f"{self.name} may not use its data folder: {error}") from error
        self._wait_until_ready()

    def ask_to_stop(self) -> None:
        """Send the stop signal, once, without waiting."""
        if self._process and not self._asked_to_stop:
            self._asked_to_stop = True
            self._process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """End the server cleanly, by force after STOP_SECONDS."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server with SIGKILL, as a machine that loses power would."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop cleanly and start again on the same port."""
        self.stop()
        self.start()

    def log_tail(self) -> str:
        """Return the last lines that the server wrote."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-LOG_LINES:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data folder usable; its lock is held."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def _answers(self) -> bool:
        """Return whether the server takes commands now."""

    def _take_folder_and_launch(self) -> None:
        self.data_directory.parent.mkdir(parents=True, exist_ok=True)
        with folder_lock(self.data_directory, self.stop_signal) as lock:
            self.port = self.port or free_port()
            if not is_free(self.port):
                raise ServerError(f"{self.name} cannot start: port {self.port} on 127.0.0.1 is taken")
            self._prepare()
            self._launch(lock)

    def _launch(self, lock: int) -> None:
        os.ftruncate(lock, 0)
        self._asked_to_stop = False
        too_long = self.log_file.exists() and self.log_file.stat().st_size > MAX_LOG_BYTES
        with self.log_file.open("wb" if too_long else "ab") as log:
            self._process = subprocess.Popen(
                [*ends_with_launcher(self.stop_signal), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        os.pwrite(lock, str(self._process.pid).encode(), 0)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if (code := self.exit_code()) is not None:
                raise ServerError(f"{self.name} ended with exit code {code} while starting:\n{self.log_tail()}")
            if self._answers():
                return
            time.sleep(POLL_SECONDS)
        self.kill()
        raise ServerError(f"{self.name} did not answer within {START_SECONDS:.0f} s:\n{self.log_tail()}")
