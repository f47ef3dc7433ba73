"""Starts programs that end with their task, whatever ends it. The handlers of videos and reports call it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")


@contextmanager
def started(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The running program, with pipes for what it says; it is killed at the end, if it has not ended before.

    The kernel kills it when this process dies (Linux). It gets `environment`, or else that of this process.
    """
    # The main thread runs handlers: its end, and no other thread's, is what the kernel takes for the parent's death.
    launched = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *command]
    process = subprocess.Popen(
        launched, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
