"""The lines that a handler logs in one run, held in memory until they are stored: bounded, and fit for PostgreSQL.

Written by the context in any thread; read by the lease keeper, and by whoever settles the run.
"""

import itertools
import json
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from atropos_core import json_values
from atropos_core.logs import Line

#: Ends a message that was cut.
CUT = "… (cut)"
#: Characters of the repr of a value that has no JSON form.
MAXIMUM_REPR = 200
#: The field that names those which were left out, and the characters it may have.
LEFT_OUT = "left_out"
MAXIMUM_NAMES = 200


class LogLines:
    """The lines of one run: the first `maximum` - 1 of them, then one that says how many more there were."""

    def __init__(self, *, maximum: int, line_bytes: int) -> None:
        """Keep none for a `maximum` of 0; `line_bytes` bounds a message with its fields."""
        self._maximum = maximum
        self._line_bytes = line_bytes
        # Both are atomic: a lock could stay locked when the signal that interrupts handlers comes at the wrong time.
        self._calls = itertools.count()
        self._said: deque[tuple[datetime, str, str]] = deque()
        # Between the keeper and who settles; a handler's thread never takes it.
        self._reading = threading.Lock()
        self._unwritten: list[Line] = []
        self._numbered = 0

    def add(self, message: str, fields: Mapping[str, object]) -> None:
        """Keep a line, with the time it is now."""
        if next(self._calls) >= self._maximum - 1:
            return
        message = self.cut(message)
        room = self._line_bytes - len(message.encode())
        self._said.append((datetime.now(UTC), message, _fields(fields, room)))

    def cut(self, message: str) -> str:
        """The message as it may be stored, and no longer than that."""
        return _cut(storable(message[: self._line_bytes + 1]), self._line_bytes)

    def __bool__(self) -> bool:
        """Whether there are lines that were not written."""
        return bool(self._said or self._unwritten)

    def unwritten(self) -> Sequence[Line]:
        """The lines that were not written yet. They get their numbers here, so a later line has a greater one."""
        with self._reading:
            while self._said:
                self._number(*self._said.popleft())
            return tuple(self._unwritten)

    def forget(self, count: int) -> None:
        """The first `count` lines that were unwritten are in the database. Called by the keeper alone."""
        with self._reading:
            del self._unwritten[:count]

    def last(self) -> Sequence[Line]:
        """The lines that were not written when the run has ended; then one that tells how many were dropped."""
        self.unwritten()
        dropped = next(self._calls) - max(self._maximum - 1, 0)
        with self._reading:
            if dropped > 0 and self._maximum:
                self._number(datetime.now(UTC), f"{dropped:,} more lines were dropped", "{}")
            return tuple(self._unwritten)

    def _number(self, at: datetime, message: str, fields: str) -> None:
        self._numbered += 1
        self._unwritten.append(Line(number=self._numbered, at=at, message=message, fields=fields))


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold: NUL, and surrogates without their other half."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _cut(message: str, limit: int) -> str:
    plain = message.encode()
    return message if len(plain) <= limit else plain[: limit - len(CUT.encode())].decode("utf-8", "ignore") + CUT


def _fields(fields: Mapping[str, object], room: int) -> str:
    """The fields as a JSON object of at most `room` bytes; those that would make it larger are only named."""
    with suppress(Exception):
        return json_values.encode(fields, limit=room, name="fields")
    kept: list[str] = []
    left_out: list[str] = []
    for name, value in fields.items():
        pair = f"{json.dumps(storable(name))}:{_value(value)}"
        if len(pair) + 2 > room:
            left_out.append(storable(name))
        else:
            kept.append(pair)
            room -= len(pair) + 1
    if left_out:
        kept.append(f"{json.dumps(LEFT_OUT)}:{json.dumps(', '.join(left_out)[:MAXIMUM_NAMES])}")
    return "{" + ",".join(kept) + "}"


def _value(value: object) -> str:
    """The value as JSON text; the start of its repr if it has no JSON form."""
    with suppress(Exception):
        plain = storable(value) if isinstance(value, str) else value
        return json_values.encode(plain, limit=sys.maxsize, name="value")
    try:
        text = repr(value)[:MAXIMUM_REPR]
    except Exception as error:
        text = f"({type(value).__name__}, whose repr raises {type(error).__name__})"
    return json.dumps(storable(text))
