"""What `ctx.log` keeps: bounded in number and size, and fit for PostgreSQL whatever a handler says."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from atropos_core.models import Task
from atropos_worker.context import TaskContext
from atropos_worker.log_lines import LogLines
from atropos_worker.outcome import StopReason

TASK = Task(id=UUID(int=1), task_type="default", attempt=2)
NO_CHECKPOINTS: Any = None


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no")


def kept(lines: LogLines) -> list[tuple[int, str, Any]]:
    """Number, message and fields of what a run leaves."""
    return [(line.number, line.message, json.loads(line.fields)) for line in lines.last()]


def logged(message: str, /, *, line_bytes: int = 4096, **fields: object) -> tuple[str, Any]:
    """What is kept of the message and the fields of one line."""
    lines = LogLines(maximum=10, line_bytes=line_bytes)
    lines.add(message, fields)
    ((_, kept_message, kept_fields),) = kept(lines)
    return kept_message, kept_fields


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (None, None),
        ({"a": [1.5, True]}, {"a": [1.5, True]}),
        ("caf\u00e9 \x00\ud800", "caf\u00e9 ?"),
        (PurePosixPath("/a"), "PurePosixPath('/a')"),
        ({1}, "{1}"),
        (float("nan"), "nan"),
        (b"\x00" * 500, ("b'" + "\\x00" * 500)[:200]),
        ({"a": "\ud800"}, "{'a': '\\ud800'}"),
        (Unprintable(), "(Unprintable, whose repr raises ValueError)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_become_json(value: object, expected: object) -> None:
    """As they are if they are JSON that PostgreSQL can hold, else as the start of their repr; the others stay."""
    assert logged("m", value=value, other=1) == ("m", {"value": expected, "other": 1})


def test_cycles_and_depths_become_their_repr() -> None:
    """What has no end, or is nested too deeply for the API to answer with."""
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: Any = 0
    for _ in range(300):
        deep = [deep]
    assert logged("m", cycle=cycle, deep=deep) == ("m", {"cycle": "[[...]]", "deep": "[" * 200})


def test_messages_lose_what_cannot_be_stored() -> None:
    """NUL is removed; a lone surrogate becomes a question mark."""
    assert logged("a\x00b\ud800") == ("ab?", {})


def test_a_long_message_is_cut_between_characters() -> None:
    """With a mark, and no longer in bytes than allowed."""
    message, _ = logged("ü" * 1000, line_bytes=256)
    assert (message[-7:], len(message.encode()) <= 256, set(message[:-7])) == ("… (cut)", True, {"ü"})


def test_fields_that_are_too_large_are_named_only() -> None:
    """The others are kept, also later ones."""
    found = logged("m", line_bytes=256, small=1, large="x" * 300, last="y")
    assert found == ("m", {"small": 1, "last": "y", "left_out": "large"})


@pytest.mark.parametrize(
    ("count", "maximum", "expected"),
    [
        (2, 3, ["0", "1"]),
        (3, 3, ["0", "1", "1 more lines were dropped"]),
        (1500, 3, ["0", "1", "1,498 more lines were dropped"]),
        (2, 1, ["2 more lines were dropped"]),
        (2, 0, []),
    ],
)
def test_the_first_lines_are_kept_and_the_others_counted(count: int, maximum: int, expected: list[str]) -> None:
    """Numbered from 1, never more than the setting says."""
    lines = LogLines(maximum=maximum, line_bytes=4096)
    for number in range(count):
        lines.add(str(number), {})
    assert kept(lines) == [(number, message, {}) for number, message in enumerate(expected, 1)]


def test_lines_stay_until_they_are_written() -> None:
    """Also those that were taken for a write that failed; a number never changes."""
    lines = LogLines(maximum=10, line_bytes=4096)
    assert not lines
    lines.add("a", {})
    first = lines.unwritten()
    lines.add("b", {})
    assert [line.number for line in lines.unwritten()] == [1, 2]
    lines.forget(len(first))
    assert kept(lines) == [(2, "b", {})]
    lines.forget(1)
    assert not lines


def test_threads_log_at_the_same_time() -> None:
    """While another one reads: each line once, numbered without a gap, the rest counted."""
    lines = LogLines(maximum=1001, line_bytes=4096)
    context = TaskContext(TASK, lines, NO_CHECKPOINTS)
    with ThreadPoolExecutor(8) as pool:
        logging = [pool.submit(lambda: [context.log("x") for _ in range(200)]) for _ in range(8)]
        while not all(each.done() for each in logging):
            lines.unwritten()
    found = kept(lines)
    assert [number for number, *_ in found] == list(range(1, 1002))
    assert Counter(message for _, message, _ in found) == {"x": 1000, "600 more lines were dropped": 1}


def test_any_name_of_a_field_is_taken() -> None:
    """Also those that the logger of the worker has for itself."""
    lines = LogLines(maximum=10, line_bytes=4096)
    fields = {"self": 1, "event": 2, "message": 3, "task_id": 4, "level": 5, "a\x00": 6}
    TaskContext(TASK, lines, NO_CHECKPOINTS).log("m", **fields)
    assert kept(lines) == [(1, "m", {"self": 1, "event": 2, "message": 3, "task_id": 4, "level": 5, "a": 6})]


def test_the_worker_s_log_has_the_line_too() -> None:
    """With the task and the attempt, also from a thread of the handler's own."""
    with capture_logs() as written, ThreadPoolExecutor(1) as pool:
        context = TaskContext(TASK, LogLines(maximum=0, line_bytes=4096), NO_CHECKPOINTS)
        pool.submit(context.log, "m", rows=1).result(30)
    expected = {"task_id": str(TASK.id), "task_type": "default", "attempt": 2, "rows": 1}
    assert written == [{"event": "m", "log_level": "info", **expected}]


def test_a_handler_that_was_told_to_stop_may_log() -> None:
    """It cleans up, and says so; the time is that of the call."""
    lines = LogLines(maximum=10, line_bytes=4096)
    context = TaskContext(TASK, lines, NO_CHECKPOINTS)
    context.stop(StopReason.CANCEL)
    context.log("cleaned up")
    (line,) = lines.last()
    assert timedelta(0) <= datetime.now(UTC) - line.at < timedelta(seconds=60)
