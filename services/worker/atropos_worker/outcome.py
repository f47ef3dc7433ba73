"""What becomes of an attempt: the exceptions a handler speaks in, and the rules that turn its end into an outcome."""

import traceback
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from atropos_core import json_values
from atropos_core.errors import ValueNotStorable
from atropos_core.lifecycle import FailureReason, retry_delay
from atropos_core.models import Task
from atropos_core.settings import Settings
from atropos_core.tasks import Failure

#: Kept of a message or traceback: enough to understand it, and bounded in the database.
MAXIMUM_TEXT = 16_000


class Retry(Exception):
    """Raised by a handler: try again, after `delay` seconds or the usual backoff. Counts as a failed attempt."""

    def __init__(self, message: str = "The handler asked for a retry.", *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class Permanent(Exception):
    """Raised by a handler: it failed, and no retry can help."""


class Stopped(BaseException):
    """Raised inside a handler that was told to stop and did not: let it pass.

    Like KeyboardInterrupt it is no Exception, so that a handler's `except Exception` does not swallow it.
    """


class StopReason(StrEnum):
    """Why a running handler is told to stop."""

    #: Somebody cancelled the task.
    CANCEL = "cancel"
    #: The attempt ran longer than its `timeout_seconds`.
    TIMEOUT = "timeout"
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
    """It was cut off by a drain: it goes back, and the attempt with it."""


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
    if isinstance(error, Permanent):
        return Failed(_failure(FailureReason.PERMANENT, error))
    delay = error.delay if isinstance(error, Retry) else None
    return _again_or_failed(_failure(FailureReason.ERROR, error), task, settings, delay=delay)


def of_stop(task: Task, stop: StopReason, settings: Settings) -> Outcome:
    """The outcome of a handler that is killed because it did not stop."""
    return of_exception(Stopped(f"killed: it did not stop ({stop})"), task, stop, settings)


def _again_or_failed(failure: Failure, task: Task, settings: Settings, *, delay: float | None = None) -> Outcome:
    if task.attempt > task.max_retries:
        return Failed(failure)
    if delay is None:
        delay = retry_delay(task.attempt, base=settings.retry_base_seconds, cap=settings.retry_cap_seconds)
    return RetryLater(failure, delay)


def _timed_out(task: Task, error: BaseException) -> Failure:
    message = f"The attempt ran longer than {task.timeout_seconds:g} s."
    return Failure(reason=FailureReason.TIMEOUT, type="TaskTimeout", message=message, traceback=_traceback(error))


def _failure(reason: FailureReason, error: BaseException) -> Failure:
    return Failure(reason=reason, type=type(error).__name__, message=_text(error), traceback=_traceback(error))


def _text(error: BaseException) -> str:
    try:
        return _bounded(str(error))
    except Exception as broken:
        return f"(its message cannot be made: {type(broken).__name__})"


def _traceback(error: BaseException) -> str | None:
    if error.__traceback__ is None:
        return None
    try:
        return _bounded("".join(traceback.format_exception(error)))
    except Exception:
        return None


def _bounded(text: str) -> str:
    """Text that PostgreSQL can hold: no NUL, no lone surrogates, the middle left out when it is long."""
    text = text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    half = MAXIMUM_TEXT // 2
    return text if len(text) <= MAXIMUM_TEXT else f"{text[:half]}\n… {len(text) - MAXIMUM_TEXT} more …\n{text[-half:]}"
