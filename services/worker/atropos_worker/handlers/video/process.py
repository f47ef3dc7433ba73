"""Runs ffmpeg and follows it: where it is, what it says, and whether it may go on. encode.py and probe.py call it."""

import os
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from atropos_worker.handlers.child_process import started

#: Seconds between two calls of `follow`, and between two reports of ffmpeg's.
FOLLOW_SECONDS = 0.1
REPORT_SECONDS = 0.2
#: A process that gets nowhere for so long is ended.
STALLED_SECONDS = 300.0
#: What ffmpeg says is kept: the newest lines, each so long at most.
KEPT_LINES = 20
LINE_BYTES = 500


class Stalled(Exception):
    """It did nothing for too long."""


@dataclass
class Position:
    """How far ffmpeg is in what it writes."""

    seconds: float = 0.0
    frames: int = 0
    size_bytes: int = 0

    def take(self, line: str) -> None:
        """A line of `-progress`: `key=value`, where the value may be `N/A`."""
        key, _, value = line.partition("=")
        if not value.removeprefix("-").isdecimal():
            return
        if key == "out_time_us":
            self.seconds = max(self.seconds, int(value) / 1e6)
        elif key == "frame":
            self.frames = int(value)
        elif key == "total_size":
            self.size_bytes = int(value)


@dataclass(frozen=True)
class Ended:
    """How it ended: `exit_code` is negative for a signal."""

    exit_code: int
    lines: list[str]
    position: Position


class _Lines:
    """Cuts what comes out of a pipe into lines."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, content: bytes) -> None:
        *whole, rest = (self._rest + content).split(b"\n")
        self._rest = rest[:LINE_BYTES]
        for line in whole:
            self._take(line[:LINE_BYTES].decode(errors="replace").rstrip())


def run(
    command: Sequence[str], follow: Callable[[Position], None], *, kept_lines: int = KEPT_LINES, first: bool = False
) -> Ended:
    """Run ffmpeg with these arguments until it ends. `follow` is called ten times a second, and raises to end it.

    Kept are the last lines of what it says, or the first. Raises Stalled, and whatever `follow` does; ffmpeg is gone
    then too.
    """
    position = Position()
    lines: deque[str] = deque(maxlen=None if first else kept_lines)

    def keep(line: str) -> None:
        if line and not (first and len(lines) >= kept_lines):
            lines.append(line)

    with started(command) as process:
        _watch(process, position, keep, lambda: follow(position))
        return Ended(process.wait(), list(lines), position)


def _watch(
    process: "subprocess.Popen[bytes]", position: Position, keep: Callable[[str], None], follow: Callable[[], None]
) -> None:
    """Read both pipes until they end."""
    moved, seen = time.monotonic(), ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout or 0, selectors.EVENT_READ, _Lines(position.take))
        selector.register(process.stderr or 0, selectors.EVENT_READ, _Lines(keep))
        while selector.get_map():
            for key, _ in selector.select(FOLLOW_SECONDS):
                if content := os.read(key.fd, 65536):
                    key.data.feed(content)
                else:
                    selector.unregister(key.fileobj)
            follow()
            now = time.monotonic()
            if (done := f"{position} {_processor_time(process.pid)}") != seen:
                moved, seen = now, done
            elif now - moved > STALLED_SECONDS:
                raise Stalled(f"ffmpeg did nothing for {STALLED_SECONDS:g} s")


def _processor_time(pid: int) -> str:
    """What the process has computed so far, as proc_pid_stat(5) tells it: of a sheet ffmpeg tells no position.

    Nothing where there is no such file, or the process is gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return " ".join(stat.rpartition(")")[2].split()[11:13])
