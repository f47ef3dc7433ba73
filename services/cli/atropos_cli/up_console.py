"""The merged log of `atropos up`: each line behind the name of the process that wrote it."""

import os
import sys
import threading
from contextlib import suppress
from itertools import cycle

NAME_WIDTH = 11
COLOURS = ("36", "32", "35", "34", "33", "96", "92", "95")  # ANSI foregrounds that both themes show well


class Console:
    """Writes whole lines to standard output from any thread."""

    def __init__(self) -> None:
        """Use colours when standard output is a terminal and NO_COLOR is not set."""
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._next_colour = cycle(COLOURS)
        self._prefixes: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def line(self, name: str, text: bytes) -> None:
        """Write one line of the process `name`, as the bytes it wrote; leave out an empty one."""
        if not text.strip():
            return
        with self._lock, suppress(BrokenPipeError):
            sys.stdout.buffer.write(self._prefix(name) + text.rstrip(b"\r\n") + b"\n")
            sys.stdout.buffer.flush()

    def note(self, text: str) -> None:
        """Write lines of the launcher itself."""
        for line in text.splitlines():
            self.line("atropos", line.encode())

    def block(self, text: str) -> None:
        """Write text without a name before it."""
        with self._lock, suppress(BrokenPipeError):
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()

    def _prefix(self, name: str) -> bytes:
        if name not in self._prefixes:
            text = f"{name:<{NAME_WIDTH}} | "
            colour = next(self._next_colour)
            self._prefixes[name] = (f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text).encode()
        return self._prefixes[name]
