"""Keeps the processes of `atropos up` running and stops them in order; called by up.py."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from atropos_cli.embedded import ServerError
from atropos_cli.up_console import Console

TICK_SECONDS = 0.1
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 30.0
REPEAT_SECONDS = 0.5
STABLE_SECONDS = 30.0  # a process that ran this long begins again with the first delay


class Stopped(Exception):
    """The user asked to stop before everything ran."""


class Killed(BaseException):
    """The user asked a second time: nothing may hold it up."""


class Service(Protocol):
    """What the supervisor needs of a process."""

    @property
    def name(self) -> str: ...
    def start(self) -> None: ...
    def ask_to_stop(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def exit_code(self) -> int | None: ...


@dataclass
class _Watched:
    service: Service
    started_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Owns the services: `start` adds a stage, `watch` restarts what dies, `stop` ends the stages in reverse."""

    def __init__(self, console: Console) -> None:
        """Write what happens to `console`; signals count from `catch_signals` on."""
        self._console = console
        self._stages: list[list[_Watched]] = []
        self._stop_requested = False
        self._stop_requested_at = 0.0

    def catch_signals(self) -> None:
        """Make SIGINT, SIGTERM and SIGHUP stop everything, and a later SIGINT kill it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)

    def start(self, *services: Service) -> None:
        """Start services that stop together later; raise Stopped when the user does not want them any more."""
        self._stages.append([])
        for service in services:
            self._raise_if_stopped()
            self._stages[-1].append(_Watched(service))
            service.start()

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Return True once `condition` holds, False after `seconds` or when a process ended on its own."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self._report_ended():
                return False
            self._raise_if_stopped()
            time.sleep(TICK_SECONDS)
        return True

    def watch(self, stale: Callable[[], set[str]] | None = None) -> None:
        """Restart what dies, and the roles that `stale` names, until the user asks to stop."""
        while not self._stop_requested:
            if stale is not None and (roles := stale()):
                self._start_anew(roles)
            for watched in self._watched():
                self._keep_alive(watched)
            time.sleep(TICK_SECONDS)

    def stop(self) -> None:
        """End all services, the last stage first, each stage at once."""
        self._stop_requested = True
        for stage in reversed(self._stages):
            for watched in stage:
                watched.service.ask_to_stop()
            for watched in stage:
                watched.service.stop()

    def kill(self) -> None:
        """End all services with SIGKILL."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for watched in reversed(self._watched()):
            watched.service.kill()

    def _watched(self) -> list[_Watched]:
        return [watched for stage in self._stages for watched in stage]

    def _start_anew(self, roles: set[str]) -> None:
        """Stop all services of these roles, side by side, then start them. The role begins the name: `worker-2`."""
        chosen = [watched for watched in self._watched() if watched.service.name.partition("-")[0] in roles]
        self._console.note(f"code has changed; starting {', '.join(w.service.name for w in chosen)} again")
        for watched in chosen:
            watched.service.ask_to_stop()
        for watched in chosen:
            watched.service.stop()
        for watched in chosen:
            if not self._stop_requested:
                watched.failures = 0
                self._restart(watched)

    def _keep_alive(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.restart_at is not None:
            if now >= watched.restart_at:
                self._restart(watched)
        elif (code := watched.service.exit_code()) is not None:
            if now - watched.started_at > STABLE_SECONDS:
                watched.failures = 0
            self._plan_restart(watched, f"{watched.service.name} ended with {describe(code)}")

    def _restart(self, watched: _Watched) -> None:
        watched.restart_at, watched.started_at = None, time.monotonic()
        try:
            watched.service.start()
        except (ServerError, OSError) as error:
            self._plan_restart(watched, str(error))

    def _plan_restart(self, watched: _Watched, reason: str) -> None:
        delay = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**watched.failures)
        watched.failures += 1
        watched.restart_at = time.monotonic() + delay
        self._console.note(f"{reason}; starting {watched.service.name} again in {delay:g} s")

    def _report_ended(self) -> bool:
        ended = [(w.service.name, code) for w in self._watched() if (code := w.service.exit_code()) is not None]
        for name, code in ended:
            self._console.note(f"{name} ended with {describe(code)}")
        return bool(ended)

    def _raise_if_stopped(self) -> None:
        if self._stop_requested:
            raise Stopped

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Make and `timeout` pass a signal on to a group that already has it: repeats at once are one."""
        now = time.monotonic()
        if not self._stop_requested:
            self._stop_requested, self._stop_requested_at = True, now
        elif number == signal.SIGINT and now - self._stop_requested_at > REPEAT_SECONDS:
            raise Killed


def describe(exit_code: int) -> str:
    """Return an exit code in words, with the signal's name where one ended the process."""
    return f"exit code {exit_code}" if exit_code >= 0 else signal.Signals(-exit_code).name
