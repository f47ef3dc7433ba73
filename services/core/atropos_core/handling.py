"""What a handler speaks in: the exceptions it raises, and the context it is given. Worker and SDK stand on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from atropos_core.lifecycle import TaskStatus
from atropos_core.sources import ArtifactSource, Source


class Retry(Exception):
    """Raised by a handler: try again, after `delay` seconds or the usual backoff. Counts as a failed attempt."""

    def __init__(self, message: str = "The handler asked for a retry.", *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class Permanent(Exception):
    """Raised by a handler: it failed, and no retry can help."""


class MissingRequirement(Exception):
    """Raised by a handler: this worker lacks what the task needs, and another image may have it; tell what it is.

    The task is given back, and the attempt with it.
    """


class Stopped(BaseException):
    """Raised inside a handler that was told to stop and did not: let it pass.

    Like KeyboardInterrupt it is no Exception, so that a handler's `except Exception` does not swallow it.
    """


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A task that the handler's task depends on."""

    task_type: str
    #: Completed, unless the task was submitted to run after failed and cancelled ones too.
    state: TaskStatus = TaskStatus.COMPLETED
    #: What its handler returned, as JSON; None for one that did not complete.
    result: Any | None = None
    #: By their names, for `input`.
    artifacts: Mapping[str, ArtifactSource] = field(default_factory=dict)


class TaskContext(Protocol):
    """What a handler sees of the world. Its members may be used from any thread."""

    #: The task's id; together with `attempt` a good idempotency key for calls to others.
    task_id: UUID
    task_type: str
    #: 1 for the first attempt.
    attempt: int

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Show how far it is, from 0 to 1. Cheap: written at most once a second. Raises Stopped if told to stop."""

    def log(self, message: str, /, **fields: object) -> None:
        """Keep a line with the task, and write it to the worker's log. Cheap, and never raises Stopped."""

    def checkpoint(self, value: Any) -> None:
        """Store JSON that the next attempt finds in `last_checkpoint`; it is safe when this returns.

        It replaces the one before. Raises ValueNotStorable for what is too large or has no JSON form, and Stopped if
        the task is no longer this attempt's. May be used after being told to stop.
        """

    @property
    def last_checkpoint(self) -> Any | None:
        """The newest checkpoint of the task, by this attempt or one before; None if there is none."""

    @property
    def dependencies(self) -> Mapping[UUID, Dependency]:
        """The tasks that it depends on, by their ids; empty if there are none. Read when first asked for.

        One that was deleted is left out: that can be only if this task was retried long after it ended.
        """

    @property
    def scratch(self) -> Path:
        """A folder for this attempt alone, empty at first, deleted when it ends."""

    def input(self, source: Source) -> Path:
        """A local file with the content of the source, which is not to be changed; deleted when the attempt ends.

        Raises Permanent for what cannot be had, Retry for what may come back, and Stopped if told to stop.
        """

    def artifact(self, path: str | Path, *, name: str | None = None, media_type: str | None = None) -> object:
        """Keep a file with the task. Others see it once the task has completed, and nothing of an attempt that fails.

        Its name, that of the file unless one is given, may be there once. Raises Permanent for a name that is taken
        and for what is too large, Retry if the store is away, and Stopped if told to stop.
        """

    def should_stop(self) -> bool:
        """Whether it was told to stop: save what is needed, then return or raise Stopped."""

    def raise_if_stopped(self) -> None:
        """Raise Stopped if it was told to stop."""

    def wait(self, seconds: float) -> None:
        """Sleep, but raise Stopped as soon as it is told to stop. In an async handler use `asyncio.sleep`."""
