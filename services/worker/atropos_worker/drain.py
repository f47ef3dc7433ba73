"""The moment a worker must be gone by, set by the parent when it is asked to go and read by its children."""

import mmap
import struct
import time

#: Shared with the children because it is made before they are forked; 0 means that nobody asked.
_memory = mmap.mmap(-1, 8)


def begin(seconds: float) -> None:
    """The worker was asked to go, and has this long."""
    # CLOCK_MONOTONIC is one clock for all processes of a machine.
    _memory[:] = struct.pack("d", time.monotonic() + seconds)


def deadline() -> float | None:
    """In `time.monotonic()`; none while nobody asked."""
    moment: float = struct.unpack("d", _memory[:])[0]
    return moment or None
