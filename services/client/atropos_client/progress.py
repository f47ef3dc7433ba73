"""A line that shows how far a `map` is; give `ProgressBar()` as its `on_progress`."""

import sys
from typing import TextIO

from atropos_client.mapping import MapProgress

WIDTH = 30


class ProgressBar:
    """Draws over one line of a terminal, and says nothing elsewhere."""

    def __init__(self, stream: TextIO | None = None, *, force: bool = False) -> None:
        """Draw on `stream`, which is standard error by default; on others than terminals too with `force`."""
        self._stream = stream or sys.stderr
        self._draws = force or self._stream.isatty()

    def __call__(self, progress: MapProgress) -> None:
        """Draw how far it is."""
        if not self._draws:
            return
        done = progress.total is not None and progress.ended >= progress.total
        self._stream.write(f"\r{describe(progress)}\x1b[K" + ("\n" if done else ""))
        self._stream.flush()


def describe(progress: MapProgress) -> str:
    """The progress in a line."""
    unsuccessful = [
        f", {count} {word}" for word, count in (("failed", progress.failed), ("cancelled", progress.cancelled)) if count
    ]
    if progress.total is None:
        return f"{progress.ended} of {progress.submitted} submitted" + "".join(unsuccessful)
    filled = WIDTH * progress.ended // max(progress.total, 1)
    bar = "#" * filled + "-" * (WIDTH - filled)
    return f"[{bar}] {progress.ended}/{progress.total}" + "".join(unsuccessful)
