"""What becomes of an attempt: the rules that turn the end of its handler into an outcome."""

import traceback
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from atropos_core import json_values
from atropos_core.catalog import task_types, why_left_out
from atropos_core.errors import ValueNotStorable

# Named twice, as handlers may import them from here too.
from atropos_core.handling import MissingRequirement as MissingRequirement
from atropos_core.handling import Permanent as Permanent
from atropos_core.handling import Retry as Retry
from atropos_core.handling import Stopped as Stopped
from atropos_core.lifecycle import FailureReason, ReleaseReason, retry_delay
from atropos_core.models import Task
from atropos_core.settings import Settings
from atropos_core.tasks import Failure

#: Seconds until a task is tried again that a worker without its type has given back, at first and at most: such a
#: worker is soon replaced, or is there until somebody deploys another image.
MISSING_SECONDS, MISSING_MAXIMUM_SECONDS = 2.0, 120.0
#: Kept of a message or traceback: enough to understand it, and bounded in the database.
MAXIMUM_TEXT = 16_000
#: As a message of progress has at most.
MAXIMUM_MESSAGE = 500


class StopReason(StrEnum):
    """Why a running handler is told to stop."""

    #: Somebody cancelled the task.
    CANCEL = "cancel"
    #: The attempt ran longer than its `timeout_seconds`.
    TIMEOUT = "timeout"
    #: The process has more memory than it may. It is killed at once.
    MEMORY = "memory"
    #: The worker was asked to go.
    DRAIN = "drain"
    #: The lease could not be renewed, or somebody else has the task: whatever comes of this run is void.
    LOST = "lost"


@dataclass(frozen=True)
class Completed:
    """It has a result, as JSON text."""

    result: str


@dataclass(frozen=True)
class Failed:
    """It failed for good."""

    failure: Failure


@dataclass(frozen=True)
class RetryLater:
    """It failed, and runs again `delay` seconds from now."""

    failure: Failure
    delay: float


@dataclass(frozen=True)
class Released:
    """It goes back, and the attempt with it, and runs again `delay` seconds from now."""

    reason: ReleaseReason = ReleaseReason.DRAIN
    delay: float = 0.0
    #: Tells people why, where they can do something about it.
    message: str | None = None
    #: It goes on in this queue, if not in the one it came from.
    queue: str | None = None


@dataclass(frozen=True)
class Cancelled:
    """It stopped because it was cancelled."""


@dataclass(frozen=True)
class Void:
    """Nobody may write what came of it."""


Outcome = Completed | Failed | RetryLater | Released | Cancelled | Void


def of_result(result: object, settings: Settings) -> Outcome:
    """The outcome of a handler that returned."""
    plain = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
    try:
        return Completed(json_values.encode(plain, limit=settings.max_result_bytes, name="The result"))
    except ValueNotStorable as error:
        return Failed(Failure(reason=FailureReason.PERMANENT, type="ResultNotStorable", message=_bounded(error.detail)))


def of_exception(error: BaseException, task: Task, stop: StopReason | None, settings: Settings) -> Outcome:
    """The outcome of a handler that raised, after it may have been told to stop. The first rule that fits holds."""
    if stop is StopReason.LOST:
        return Void()
    if stop is StopReason.CANCEL:
        return Cancelled()
    if stop is StopReason.DRAIN and isinstance(error, Stopped):
        return Released()
    if stop is StopReason.TIMEOUT:
        return _again_or_failed(_timed_out(task, error), task, settings)
    if stop is StopReason.MEMORY:
        message = f"Its process had more than {settings.worker_child_memory_bytes:,} bytes of memory."
        failure = Failure(reason=FailureReason.ERROR, type="MemoryLimit", message=message)
        return _again_or_failed(failure, task, settings)
    if isinstance(error, Permanent):
        return Failed(_failure(FailureReason.PERMANENT, error))
    if isinstance(error, MissingRequirement):
        return _of_missing(task, _text(error), settings)
    delay = error.delay if isinstance(error, Retry) else None
    return _again_or_failed(_failure(FailureReason.ERROR, error), task, settings, delay=delay)


def of_missing_type(task: Task, worker: str, error: Exception | None, settings: Settings) -> Released:
    """The outcome where the worker has no such type, or cannot import it; `error` is that of its handler's module."""
    why = why_left_out(task.task_type) if error is None else f"{type(error).__name__}: {_text(error)}"
    message = f"Worker {worker} has no task type {task.task_type!r}"
    if why is not None:
        message = f"Worker {worker} cannot import task type {task.task_type!r}: {why}"
    return _of_missing(task, message, settings)


def _of_missing(task: Task, message: str, settings: Settings) -> Released:
    """It goes to the pool that its type has by now, if it came here before that; or it waits for another image."""
    message = _bounded(message)[:MAXIMUM_MESSAGE]
    queue = settings.task_queues.get(task.task_type, task.queue)
    if queue != task.queue:
        return Released(ReleaseReason.NO_TASK_TYPE, 0.0, message, queue)
    delay = min(MISSING_MAXIMUM_SECONDS, MISSING_SECONDS * 2 ** min(task.interruptions, 10))
    return Released(ReleaseReason.NO_TASK_TYPE, delay, message)


def of_stop(task: Task, stop: StopReason, settings: Settings) -> Outcome:
    """The outcome of a handler that is killed because it did not stop."""
    return of_exception(Stopped(f"killed: it did not stop ({stop})"), task, stop, settings)


def _again_or_failed(failure: Failure, task: Task, settings: Settings, *, delay: float | None = None) -> Outcome:
    if task.attempt > task.max_retries:
        return Failed(failure)
    if delay is None:
        delay = _backoff(task, settings)
    return RetryLater(failure, delay)


def _backoff(task: Task, settings: Settings) -> float:
    """Seconds until the next attempt, by the policy of the task's type where it has one."""
    task_type = task_types().get(task.task_type)
    base = task_type.retry_base_seconds if task_type else None
    cap = task_type.retry_cap_seconds if task_type else None
    return retry_delay(
        task.attempt,
        base=settings.retry_base_seconds if base is None else base,
        cap=settings.retry_cap_seconds if cap is None else cap,
    )


def _timed_out(task: Task, error: BaseException) -> Failure:
    message = f"The attempt ran longer than {task.timeout_seconds:g} s."
    return Failure(reason=FailureReason.TIMEOUT, type="TaskTimeout", message=message, traceback=_traceback(error))


def _failure(reason: FailureReason, error: BaseException) -> Failure:
    return Failure(reason=reason, type=type(error).__name__, message=_text(error), traceback=_traceback(error))


def _text(error: BaseException) -> str:
    try:
        return _bounded(str(error))
    except BaseException as broken:  # Handlers raise what they like, in `__str__` too.
        return f"(its message cannot be made: {type(broken).__name__})"


def _traceback(error: BaseException) -> str | None:
    if error.__traceback__ is None:
        return None
    try:
        return _bounded("".join(traceback.format_exception(error)))
    except BaseException:
        return None


def _bounded(text: str) -> str:
    """Text that PostgreSQL can hold: no NUL, no lone surrogates, the middle left out when it is long."""
    text = text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    half = MAXIMUM_TEXT // 2
    return text if len(text) <= MAXIMUM_TEXT else f"{text[:half]}\n… {len(text) - MAXIMUM_TEXT} more …\n{text[-half:]}"
