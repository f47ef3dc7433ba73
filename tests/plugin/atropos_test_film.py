"""A task type that does the work on videos with a local file, and keeps what is made in a folder of the test's."""

import os
import shutil
import tempfile
from pathlib import Path

from atropos_core.builtin_types import VideoProcessingParameters
from atropos_core.catalog import TaskType
from atropos_worker.context import TaskContext
from atropos_worker.handlers.video.work import VideoReport, Work


class FilmParameters(VideoProcessingParameters):
    #: The local file.
    path: str
    #: Where what is made is kept, whole.
    folder: str


class Kept:
    """A context whose files are local."""

    def __init__(self, context: TaskContext, scratch: Path, folder: Path) -> None:
        self.scratch = scratch
        self.progress = context.progress
        self.log = context.log
        self.raise_if_stopped = context.raise_if_stopped
        self._folder = folder

    def artifact(self, path: Path, *, name: str | None = None, media_type: str | None = None) -> None:
        os.replace(path, self._folder / (name or path.name))
        path.touch()


def run(parameters: FilmParameters, context: TaskContext) -> VideoReport:
    """The handler."""
    folder = Path(parameters.folder)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        return Work(parameters, Kept(context, scratch, folder), Path(parameters.path)).run()
    finally:
        shutil.rmtree(scratch)


film = TaskType(
    name="film", description="Makes a video anew.", parameters=FilmParameters, handler="atropos_test_film:run"
)
