"""The rules that turn the end of a handler into an outcome."""

import pytest
from pydantic import BaseModel, ValidationError

from atropos_core.lifecycle import ReleaseReason
from atropos_core.models import Task
from atropos_core.settings import Settings
from atropos_worker import outcome
from atropos_worker.outcome import (
    Cancelled,
    Completed,
    Failed,
    MissingRequirement,
    Outcome,
    Permanent,
    Released,
    Retry,
    RetryLater,
    Stopped,
    StopReason,
    Void,
)

SETTINGS = Settings(retry_base_seconds=2, retry_cap_seconds=10, max_result_bytes=1024)
WHAT = {"task_type": "table", "queue": "default", "max_retries": 3, "timeout_seconds": 5.0, "interruptions": 0}
FIRST, LAST = Task(attempt=1, **WHAT), Task(attempt=4, **WHAT)


class Sum(BaseModel):
    total: int


@pytest.mark.parametrize(
    ("error", "task", "stop", "expected"),
    [
        (ValueError("no"), FIRST, None, RetryLater),
        (ValueError("no"), LAST, None, Failed),
        (Retry(), FIRST, None, RetryLater),
        (Retry(), LAST, None, Failed),
        (Permanent(), FIRST, None, Failed),
        (MissingRequirement("no program"), LAST, None, Released),
        (MissingRequirement("no program"), FIRST, StopReason.CANCEL, Cancelled),
        (SystemExit(1), FIRST, None, RetryLater),
        (Stopped(), FIRST, None, RetryLater),
        (Stopped(), FIRST, StopReason.CANCEL, Cancelled),
        (ValueError("no"), FIRST, StopReason.CANCEL, Cancelled),
        (Stopped(), FIRST, StopReason.DRAIN, Released),
        (ValueError("no"), FIRST, StopReason.DRAIN, RetryLater),
        (Stopped(), FIRST, StopReason.TIMEOUT, RetryLater),
        (ValueError("no"), LAST, StopReason.TIMEOUT, Failed),
        (Stopped(), FIRST, StopReason.LOST, Void),
        (ValueError("no"), LAST, StopReason.LOST, Void),
    ],
)
def test_the_outcome_of_an_exception(
    error: BaseException, task: Task, stop: StopReason | None, expected: type[Outcome]
) -> None:
    """The reason for which it was told to stop goes before what it raised."""
    assert type(outcome.of_exception(error, task, stop, SETTINGS)) is expected


def test_what_a_worker_lacks_may_be_in_the_pool_of_its_type() -> None:
    """It goes there if it is not there; otherwise it waits, each time longer, for another image."""
    lacks, moved = MissingRequirement("no program"), SETTINGS.model_copy(update={"task_queues": {"table": "tables"}})
    found = outcome.of_exception(lacks, FIRST, None, moved)
    assert found == Released(ReleaseReason.NO_TASK_TYPE, 0.0, "no program", "tables")
    there = Task(attempt=1, **{**WHAT, "queue": "tables", "interruptions": 3})
    assert outcome.of_exception(lacks, there, None, moved) == Released(ReleaseReason.NO_TASK_TYPE, 16.0, "no program")


def test_a_retry_may_name_its_delay() -> None:
    """Instead of the usual backoff."""
    found = outcome.of_exception(Retry("later", delay=42), FIRST, None, SETTINGS)
    assert isinstance(found, RetryLater)
    assert (found.delay, found.failure.message) == (42, "later")


def test_a_result_may_be_a_model_or_plain_json() -> None:
    """And what is neither, or too large, fails the task for good."""
    assert outcome.of_result(Sum(total=3), SETTINGS) == Completed('{"total":3}')
    assert outcome.of_result(None, SETTINGS) == Completed("null")
    assert isinstance(outcome.of_result(object(), SETTINGS), Failed)
    assert isinstance(outcome.of_result("x" * 2000, SETTINGS), Failed)


def test_an_error_that_cannot_be_stored_is_made_storable() -> None:
    """NUL, lone surrogates, endless messages and a broken __str__."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    found = outcome.of_exception(ValueError("\x00 \ud800 " + "x" * 100_000), FIRST, None, SETTINGS)
    assert isinstance(found, RetryLater)
    assert "\x00" not in found.failure.message
    assert len(found.failure.message.encode()) < outcome.MAXIMUM_TEXT + 100
    broken = outcome.of_exception(Broken(), FIRST, None, SETTINGS)
    assert isinstance(broken, RetryLater)
    assert "RuntimeError" in broken.failure.message


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"lease_seconds": 10, "heartbeat_seconds": 6}, "half of lease_seconds"),
        ({"database_url": "mysql://x"}, "must be PostgreSQL"),
        ({"worker_queues": " , "}, "at least one queue"),
    ],
)
def test_settings_that_contradict_are_refused(values: dict[str, object], complaint: str) -> None:
    """With a sentence that says what to do."""
    with pytest.raises(ValidationError, match=complaint):
        Settings(**values)  # type: ignore[arg-type]


def test_the_names_of_others_are_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL without a driver, and CELERY_BROKER_URL; ours goes first."""
    monkeypatch.setenv("DATABASE_URL", "postgres://u@h/d")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://b")
    assert Settings().database_url == "postgresql+psycopg2://u@h/d"
    assert Settings().redis_url == "redis://b"
    monkeypatch.setenv("ATROPOS_REDIS_URL", "redis://a")
    assert Settings().redis_url == "redis://a"
