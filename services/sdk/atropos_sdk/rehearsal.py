"""The context that `atropos_sdk.testing` gives a handler: it keeps in memory what a worker would store."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from atropos_core import json_values
from atropos_core.handling import Dependency, Permanent, Stopped


@dataclass(frozen=True)
class Said:
    """A line that a handler logged."""

    message: str
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """An artifact."""

    name: str
    #: The copy of its content, in the folder of the run.
    path: Path
    media_type: str | None


class RehearsalContext:
    """A TaskContext without services."""

    def __init__(
        self,
        *,
        task_type: str,
        attempt: int,
        checkpoint: Any | None,
        stop_when: Callable[["RehearsalContext"], bool] | None,
        folder: Path,
        inputs: Mapping[str, Path],
        dependencies: Mapping[UUID, Dependency],
        checkpoint_bytes: int,
    ) -> None:
        self.task_id: UUID = uuid4()
        self.task_type = task_type
        self.attempt = attempt
        #: Progress and lines, in order.
        self.reported: list[tuple[float, str | None]] = []
        self.said: list[Said] = []
        #: Artifacts, in order.
        self.kept: list[Kept] = []
        #: Where the files are that the handler makes.
        self.folder = folder
        self._inputs = inputs
        self._dependencies = dependencies
        self._checkpoint = checkpoint
        self._checkpoint_bytes = checkpoint_bytes
        self._stop_when = stop_when
        self._stop = threading.Event()
        self._tell: Callable[[], None] | None = None

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Keep it in `reported`. Raises Stopped if told to stop."""
        self.raise_if_stopped()
        self.reported.append((min(1.0, max(0.0, float(fraction))), message))
        self._look()

    def log(self, message: str, /, **fields: object) -> None:
        """Keep it in `said`."""
        self.said.append(Said(str(message), fields))
        self._look()

    def checkpoint(self, value: Any) -> None:
        """Keep it. Raises ValueNotStorable as a worker would."""
        text = json_values.encode(value, limit=self._checkpoint_bytes, name="The checkpoint")
        self._checkpoint = json.loads(text)
        self._look()

    @property
    def last_checkpoint(self) -> Any | None:
        """The newest checkpoint."""
        return self._checkpoint

    @property
    def dependencies(self) -> Mapping[UUID, Dependency]:
        """Those that the test gives."""
        return self._dependencies

    @property
    def scratch(self) -> Path:
        """A folder for the handler's own files."""
        made = self.folder / "scratch"
        made.mkdir(exist_ok=True)
        return made

    def input(self, source: Any) -> Path:
        """The file that `inputs` has under the source's id, address, or name of an artifact. Raises Permanent."""
        found = [getattr(source, name, None) for name in ("artifact", "url", "file_id")]
        for name in filter(None, found):
            if path := self._inputs.get(str(name)):
                return path
        raise Permanent(f"the test gives no input for {source!r}")

    def artifact(self, path: str | Path, *, name: str | None = None, media_type: str | None = None) -> Kept:
        """Copy the file to `artifacts` in the folder of the run."""
        kept = self.folder / "artifacts" / Path(name or Path(path).name).name
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, kept)
        self.kept.append(Kept(kept.name, kept, media_type))
        self._look()
        return self.kept[-1]

    def should_stop(self) -> bool:
        """Whether it was told to stop."""
        self._look()
        return self._stop.is_set()

    def raise_if_stopped(self) -> None:
        """Raise Stopped if it was told to stop."""
        if self.should_stop():
            raise Stopped("told to stop")

    def wait(self, seconds: float) -> None:
        """Sleep, but raise Stopped as soon as it is told to stop."""
        deadline = time.monotonic() + seconds
        self.raise_if_stopped()
        self._stop.wait(max(0.0, deadline - time.monotonic()))
        self.raise_if_stopped()

    def stop(self) -> None:
        """Tell the handler to stop."""
        self._stop.set()
        if tell := self._tell:
            self.when_stopped(None)
            tell()

    def when_stopped(self, tell: Callable[[], None] | None) -> None:
        """Call `tell` once when it is told to stop, or at once if it was."""
        self._tell = tell
        if tell is not None and self._stop.is_set():
            tell()

    def _look(self) -> None:
        if self._stop_when is not None and not self._stop.is_set() and self._stop_when(self):
            self.stop()
