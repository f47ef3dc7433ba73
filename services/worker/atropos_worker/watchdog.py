"""Ends a child whose handler keeps the interpreter to itself, so that no keeper can run; __main__.py starts it.

A timer of the kernel's kills the process unless a thread winds it up, which it can only while the interpreter is free.
"""

import ctypes
import signal
import threading
import time

#: How often the thread winds it up, in seconds.
WIND_SECONDS = 1.0
CLOCK_MONOTONIC = 1


class _Event(ctypes.Structure):
    """struct sigevent of sigevent(3type): notify by this signal, here SIGKILL, which nothing can block or ignore."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("_", ctypes.c_int * 12),
    )


class _Interval(ctypes.Structure):
    """struct itimerspec of timer_settime(2): no repetition, and the time that is left."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every", "every_nanoseconds", "left", "left_nanoseconds"))


def start(seconds: float) -> None:
    """Let this process live as long as its interpreter is free at least once in so many seconds. Linux only.

    Raises OSError if the kernel gives no timer.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timer = ctypes.c_void_p()
    event = _Event(signal=signal.SIGKILL, notify=0)
    if libc.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    left = _Interval(left=int(seconds) + 1)

    def wind() -> None:
        while True:
            libc.timer_settime(timer, 0, ctypes.byref(left), None)
            time.sleep(WIND_SECONDS)

    threading.Thread(target=wind, name="watchdog", daemon=True).start()
