"""Becomes the program of its arguments, which the kernel kills when the process that asked for it is gone; Linux only.

Run as a file by child_process.py, in an interpreter of its own: code between fork and exec is not safe beside threads.
"""

import ctypes
import os
import resource
import signal
import sys

#: prctl(2): the signal that a process gets when its parent dies; it outlives exec.
PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Does not return."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(os.EX_UNAVAILABLE)
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
