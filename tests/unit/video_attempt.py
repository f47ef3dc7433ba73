"""One attempt of the work on a video, without a service; called by the unit tests of it."""

import threading
from pathlib import Path
from typing import Any

from atropos_core.builtin_types import VideoProcessingParameters
from atropos_worker.handlers.video import program
from atropos_worker.handlers.video.probe import Probe, probe
from atropos_worker.handlers.video.work import VideoReport, Work
from atropos_worker.outcome import Stopped


class Attempt:
    """What the work needs of a context; keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "scratch"
        self.kept = folder / "kept"
        self.scratch.mkdir()
        self.kept.mkdir()
        self.reports: list[float] = []
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.stop_after_progress = False

    def artifact(self, path: Path, *, name: str | None = None, media_type: str | None = None) -> None:
        (self.kept / (name or path.name)).write_bytes(path.read_bytes())

    def progress(self, fraction: float, message: str | None = None) -> None:
        self.raise_if_stopped()
        self.reports.append(fraction)
        if self.stop_after_progress and fraction:
            self.stop.set()

    def log(self, message: str, /, **fields: object) -> None:
        self.lines.append(message)

    def raise_if_stopped(self) -> None:
        if self.stop.is_set():
            raise Stopped


def work(attempt: Attempt, source: Path, **parameters: Any) -> VideoReport:
    return Work(VideoProcessingParameters.model_validate(parameters), attempt, source).run()


def look(path: Path) -> Probe:
    return probe(program.find(), path, lambda: None)
