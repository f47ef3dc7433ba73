"""What a handler sees of the world: its task, and the means to report, to log and to stop in time."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from atropos_core import task_graph
from atropos_core.files import Artifact
from atropos_core.handling import Dependency
from atropos_core.models import Task
from atropos_core.sources import Source
from atropos_core.tasks import Claim
from atropos_worker import runtime
from atropos_worker.attempt_files import AttemptFiles
from atropos_worker.checkpoints import Checkpoints
from atropos_worker.log_lines import LogLines, storable
from atropos_worker.outcome import Stopped, StopReason

#: Names that the logger has for itself: a field called so gets a `_` behind it in the worker's log.
TAKEN_NAMES = {"self", "event", "_record"}


class TaskContext:
    """Handed to the handler. Its methods may be called from any thread."""

    def __init__(self, task: Task, lines: LogLines, checkpoints: Checkpoints) -> None:
        #: The task's id; together with `attempt` a good idempotency key for calls to others.
        self.task_id: UUID = task.id
        self.task_type: str = task.task_type
        #: 1 for the first attempt.
        self.attempt: int = task.attempt
        self._stop = threading.Event()
        self._reason: StopReason | None = None
        self._reported: tuple[float, str | None] | None = None
        self._log = structlog.get_logger("atropos.handler")
        self._lines = lines
        self._files = AttemptFiles(Claim(task_id=task.id, fence=task.fence), self.raise_if_stopped)
        self._checkpoints = checkpoints
        self._reading = threading.Lock()
        #: None until they are read; a task that depends on none has nothing to read.
        self._dependencies: Mapping[UUID, Dependency] | None = {} if task.on_dependency_failure is None else None
        self._tell: Callable[[], None] | None = None

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Show how far it is, from 0 to 1. Cheap: written at most once a second. Raises Stopped if told to stop."""
        self.raise_if_stopped()
        self._reported = (
            min(1.0, max(0.0, float(fraction))),  # NaN is 0
            None if message is None else _shown(message),
        )

    def log(self, message: str, /, **fields: object) -> None:
        """Keep a line with the task, and write it to the worker's log. Cheap, and never raises Stopped."""
        message = self._lines.cut(str(message))
        self._lines.add(message, fields)
        # Named here: a thread of the handler's own does not have the context variables of the worker's.
        task = {"task_id": str(self.task_id), "attempt": self.attempt, "task_type": self.task_type}
        named = {f"{name}_" if name in TAKEN_NAMES else name: value for name, value in fields.items()}
        self._log.info(message, **{**task, **named})

    def checkpoint(self, value: Any) -> None:
        """Store JSON that the next attempt finds in `last_checkpoint`; it is safe when this returns.

        It replaces the one before. Raises ValueNotStorable for what is too large or has no JSON form, and Stopped if
        the task is no longer this attempt's. May be used after being told to stop.
        """
        self._checkpoints.keep(value)

    @property
    def last_checkpoint(self) -> Any | None:
        """The newest checkpoint of the task, by this attempt or one before; None if there is none."""
        return self._checkpoints.last

    @property
    def dependencies(self) -> Mapping[UUID, Dependency]:
        """The tasks that it depends on, by their ids; empty if there are none. Read when first asked for.

        Tried over an outage of the database for as long as a lease.
        """
        with self._reading:
            if self._dependencies is None:
                here = runtime.current()
                self._dependencies = here.database.retrying(
                    lambda session: task_graph.results(session, self.task_id), seconds=here.settings.lease_seconds
                )
            return self._dependencies

    def should_stop(self) -> bool:
        """Whether it was told to stop: save what is needed, then return or raise Stopped."""
        return self._stop.is_set()

    def raise_if_stopped(self) -> None:
        """Raise Stopped if it was told to stop."""
        if self._stop.is_set():
            raise Stopped(f"told to stop: {self._reason}")

    def wait(self, seconds: float) -> None:
        """Sleep, but raise Stopped as soon as it is told to stop."""
        deadline = time.monotonic() + seconds
        # In the main thread a lock's wait is interruptible by the signal that ends handlers which do not listen.
        while (left := deadline - time.monotonic()) > 0 and not self._stop.wait(min(left, 1.0)):
            pass
        self.raise_if_stopped()

    @property
    def scratch(self) -> Path:
        """A folder for this attempt alone, empty at first, deleted when it ends."""
        return self._files.scratch

    def input(self, source: Source) -> Path:
        """A local file with the content of the source, which is not to be changed; deleted when the attempt ends.

        Raises Permanent for what cannot be had, Retry for what may come back, and Stopped if told to stop.
        """
        return self._files.fetch(source)

    def artifact(self, path: str | Path, *, name: str | None = None, media_type: str | None = None) -> Artifact:
        """Keep a file with the task. Others see it once the task has completed, and nothing of an attempt that fails.

        Its name, that of the file unless one is given, may be there once. Raises Permanent for a name that is taken
        and for what is too large, Retry if the store is away, and Stopped if told to stop.
        """
        return self._files.store(path, name=name, media_type=media_type)

    # For the worker, not for handlers.

    @property
    def files(self) -> AttemptFiles:
        """What it reads and makes."""
        return self._files

    @property
    def lines(self) -> LogLines:
        """What it logged."""
        return self._lines

    @property
    def stop_reason(self) -> StopReason | None:
        """Why it was told to stop."""
        return self._reason

    def stop(self, reason: StopReason) -> None:
        """Tell the handler to stop; a later reason replaces the first only if the task was lost."""
        if self._reason is None or reason is StopReason.LOST:
            self._reason = reason
        self._stop.set()
        if tell := self._tell:
            self.when_stopped(None)
            tell()

    def when_stopped(self, tell: Callable[[], None] | None) -> None:
        """Call `tell` once, from any thread, when the handler is told to stop; at once if it was. None: tell nobody."""
        self._tell = tell
        if tell is not None and self._stop.is_set():
            tell()

    def interrupt(self) -> None:
        """Called in the handler's thread: raise Stopped, or soon, if a checkpoint is just being stored."""
        if not self._checkpoints.put_off(self._interrupted):
            raise self._interrupted()

    def _interrupted(self) -> Stopped:
        return Stopped(f"interrupted: {self._reason}")

    @property
    def has_progress(self) -> bool:
        """Whether progress was reported that was not taken yet."""
        return self._reported is not None

    def take_progress(self) -> tuple[float, str | None] | None:
        """The newest progress that was not taken yet."""
        reported, self._reported = self._reported, None
        return reported


def _shown(message: str) -> str:
    return storable(message[:500])
