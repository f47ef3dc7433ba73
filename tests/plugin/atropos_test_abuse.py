"""A task type whose handlers do to their process what no handler should."""

import builtins
import ctypes
import locale
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from atropos_core.catalog import TaskParameters, TaskType
from atropos_worker.context import TaskContext

FOREVER = 3600


class AbuseParameters(TaskParameters):
    how: str
    #: For handlers that leave something behind.
    path: str = ""


def leak(context: TaskContext, _path: str) -> None:
    held = []
    while True:
        held.append(bytearray(4_000_000))
        context.wait(0.002)


def hold_the_interpreter(_context: TaskContext, path: str) -> None:
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    ctypes.PyDLL(None).sleep(FOREVER)


def swallow_everything(_context: TaskContext, _path: str) -> None:
    while True:
        with suppress(BaseException):
            while True:
                time.sleep(0.1)


def close_everything(_context: TaskContext, _path: str) -> str:
    os.closerange(0, 65_536)
    return "closed"


def close_streams(context: TaskContext, _path: str) -> str:
    sys.stdout.close()
    sys.stderr.close()
    context.log("into a closed stream")
    return "closed"


def leave_process_image(_context: TaskContext, _path: str) -> None:
    os._exit(0)


def abort(_context: TaskContext, _path: str) -> None:
    os.abort()


def kill_itself(_context: TaskContext, _path: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def return_from_a_fork(_context: TaskContext, path: str) -> str:
    if os.fork() == 0:
        with open(path, "w") as file:
            file.write(str(os.getpid()))
        return "the copy's result"
    while not os.path.exists(path) or not os.path.getsize(path):
        time.sleep(0.02)
    return "the result"


def leave_processes(context: TaskContext, path: str) -> None:
    started = subprocess.Popen(["sleep", str(FOREVER)])
    forked = os.fork()
    if forked == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(FOREVER)
    with open(path + ".part", "w") as file:
        file.write(f"{started.pid} {forked}")
    os.rename(path + ".part", path)
    swallow_everything(context, path)


def leave_processes_and_die(context: TaskContext, path: str) -> None:
    threading.Thread(target=leave_processes, args=(context, path), daemon=True).start()
    while not os.path.exists(path):
        time.sleep(0.02)
    os._exit(0)


def endless(_context: TaskContext, _path: str) -> Any:
    return iter(int, 1)


def huge(_context: TaskContext, _path: str) -> Any:
    return "x" * 20_000_000


def nan(_context: TaskContext, _path: str) -> Any:
    return {"value": float("nan")}


def nested(_context: TaskContext, _path: str) -> Any:
    found: list[Any] = []
    for _ in range(200_000):
        found = [found]
    return found


def raw_bytes(_context: TaskContext, _path: str) -> Any:
    return b"bytes"


def digits(_context: TaskContext, _path: str) -> Any:
    return 10**5000


class Unspeakable(BaseException):
    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


def unspeakable(_context: TaskContext, _path: str) -> None:
    raise Unspeakable


def interrupt(_context: TaskContext, _path: str) -> None:
    raise KeyboardInterrupt


def out_of_memory(_context: TaskContext, _path: str) -> None:
    raise MemoryError


def recurse(context: TaskContext, path: str) -> None:
    recurse(context, path)


def group(_context: TaskContext, _path: str) -> None:
    raise ExceptionGroup("x" * 10_000_000, [ValueError("y" * 1_000_000) for _ in range(20)])


def chatter(context: TaskContext, _path: str) -> str:
    for number in range(20_000):
        context.log("x" * 10_000, number=number)
        print("y" * 10_000)  # noqa: T201 - this is what it is for
    return "said"


def progress(context: TaskContext, _path: str) -> str:
    for number in range(1_000_000):
        context.progress(number / 1_000_000, "still going")
    return "done"


def strange_progress(context: TaskContext, _path: str) -> str:
    context.progress(float("nan"), "\ud800\x00" * 1000)
    context.wait(1)
    return "done"


def ignore_signals(_context: TaskContext, _path: str) -> str:
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}:
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return "deaf"


def block_signals(_context: TaskContext, _path: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(FOREVER)


def default_signals(_context: TaskContext, _path: str) -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    time.sleep(FOREVER)


def upset(_context: TaskContext, path: str) -> str:
    os.chdir(path)
    os.environ.clear()
    os.umask(0o777)
    sys.path.clear()
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "C")
    socket.setdefaulttimeout(0.000001)
    sys.stdout = sys.stderr = None  # type: ignore[assignment]
    sys.setrecursionlimit(150)
    for _ in range(50):
        threading.Thread(target=time.sleep, args=(FOREVER,)).start()
    builtins.print = None  # type: ignore[assignment]
    return "upset"


HANDLERS: dict[str, Callable[[TaskContext, str], Any]] = {
    name: found for name, found in globals().items() if callable(found) and getattr(found, "__module__", "") == __name__
}


def run(parameters: AbuseParameters, context: TaskContext) -> Any:
    """Do it."""
    return HANDLERS[parameters.how](context, parameters.path)


abuse = TaskType(
    name="abuse", description="Harms its process.", parameters=AbuseParameters, handler="atropos_test_abuse:run"
)
