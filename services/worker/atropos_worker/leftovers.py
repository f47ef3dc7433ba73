"""Ends the processes that handlers leave behind: each child leads a process group, which ends soon after it.

The parent looks; __main__.py wires it up.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress


class Leftovers:
    """Remembers the children there were."""

    def __init__(self, children: Callable[[], list[int]], gone: Callable[[int], None]) -> None:
        """`gone` is told of each child that is gone, after its group."""
        self._children = children
        self._gone = gone
        self._seen: set[int] = set()

    def look(self) -> None:
        """Kill what is left of the groups whose leaders are gone; called once a second."""
        self._seen.update(self._children())
        for pid in [pid for pid in self._seen if not _exists(pid)]:
            self._seen.discard(pid)
            # No other group can have the number: the kernel keeps it as long as the group has a member.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self._gone(pid)


def _exists(pid: int) -> bool:
    """Whether there is such a process, ended ones that nobody has waited for included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
