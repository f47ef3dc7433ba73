"""What a handler sees of the world: its task, and the means to report, to log and to stop in time."""

import threading
import time
from uuid import UUID

import structlog

from atropos_core.models import Task
from atropos_worker.outcome import Stopped, StopReason


class TaskContext:
    """Handed to the handler. Its methods may be called from any thread."""

    def __init__(self, task: Task) -> None:
        #: The task's id; together with `attempt` a good idempotency key for calls to others.
        self.task_id: UUID = task.id
        self.task_type: str = task.task_type
        #: 1 for the first attempt.
        self.attempt: int = task.attempt
        self._stop = threading.Event()
        self._reason: StopReason | None = None
        self._reported: tuple[float, str | None] | None = None
        self._log = structlog.get_logger("atropos.handler")

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Show how far it is, from 0 to 1. Cheap: written at most once a second. Raises Stopped if told to stop."""
        self.raise_if_stopped()
        self._reported = (min(max(float(fraction), 0.0), 1.0), None if message is None else _shown(message))

    def log(self, message: str, **fields: object) -> None:
        """Write a line with the task's id and attempt to the worker's log."""
        self._log.info(message, **fields)

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

    # For the worker, not for handlers.

    @property
    def stop_reason(self) -> StopReason | None:
        """Why it was told to stop."""
        return self._reason

    def stop(self, reason: StopReason) -> None:
        """Tell the handler to stop; a later reason replaces the first only if the task was lost."""
        if self._reason is None or reason is StopReason.LOST:
            self._reason = reason
        self._stop.set()

    @property
    def has_progress(self) -> bool:
        """Whether progress was reported that was not taken yet."""
        return self._reported is not None

    def take_progress(self) -> tuple[float, str | None] | None:
        """The newest progress that was not taken yet."""
        reported, self._reported = self._reported, None
        return reported


def _shown(message: str) -> str:
    return message[:500].encode("utf-8", "replace").decode().replace("\x00", "")
