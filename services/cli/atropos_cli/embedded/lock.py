"""The lock on a data folder, by which a server that outlived its launcher is found; called by Server."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atropos_cli.embedded.errors import ServerError

POLL_SECONDS = 0.02
LEAVE_SECONDS = 1.0  # for processes that are just ending
STOP_SECONDS = 10.0


@contextmanager
def folder_lock(directory: Path, stop_signal: signal.Signals) -> Iterator[int]:
    """Hold the lock file beside `directory` and give its descriptor, for the server to inherit.

    The lock then lasts as long as any process of the server, and the process id inside it is the server's.
    A server that still holds it gets `stop_signal`, then SIGKILL; raises ServerError when that is in vain.
    """
    path = directory.with_name(f"{directory.name}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, path, stop_signal)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, stop_signal: signal.Signals) -> None:
    if _lock(descriptor, LEAVE_SECONDS):
        return
    holder = int(os.pread(descriptor, 20, 0) or 0)
    for how in (stop_signal, signal.SIGKILL):
        if holder:
            with suppress(ProcessLookupError):
                os.kill(holder, how)
        if _lock(descriptor, STOP_SECONDS):
            return
    raise ServerError(f"process {holder or 'unknown'} holds {path} and does not end")


def _lock(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True
