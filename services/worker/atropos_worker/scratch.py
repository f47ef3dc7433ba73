"""Folders that handlers may fill: one for each attempt, below one for each child, below one for each worker.

The child deletes an attempt's when it ends, the parent a child's when that is gone, and the next worker that starts
those of workers that were killed.
"""

import fcntl
import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

PREFIX = "atropos-scratch-"
#: Held by a worker and its children for as long as one of them lives: flock(2) tells whether the folder is in use.
LOCK = "lock"

_worker: Path | None = None
_lock: int | None = None


def start(base: str | None) -> None:
    """Make the folder of this worker below `base`, or the system's place for temporary files; clear stale ones away."""
    global _worker, _lock
    for lock in Path(base or tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        _clear_if_stale(lock)
    # Under another name until it is locked, so that nobody takes it for a stale one.
    made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
    _lock = os.open(made / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(_lock, fcntl.LOCK_EX)
    _worker = made.rename(made.with_name(made.name.removeprefix(".")))


def _clear_if_stale(lock: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        finally:
            os.close(descriptor)


def folder(base: str | None) -> Path:
    """A new, empty folder for an attempt of this process."""
    if _worker is None:
        start(base)
    child = (_worker or Path()) / str(os.getpid())
    child.mkdir(mode=0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=child))


def forget(child: int) -> None:
    """The process is gone: delete what it had, in a thread, as it may be a lot."""
    if _worker is not None and (path := _worker / str(child)).exists():
        threading.Thread(target=shutil.rmtree, args=(path, True), name="scratch", daemon=True).start()


def stop() -> None:
    """This worker ends: delete all that it and its children had."""
    if _worker is not None:
        shutil.rmtree(_worker, ignore_errors=True)
