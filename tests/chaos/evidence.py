"""What the proof judges: what clients asked and heard, what the database holds, and what the handlers wrote.

client.py and collect.py fill it, proof.py reads it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

#: Of counted events: how many, and the sum of their `seconds`.
Sums = Mapping[tuple[str, ...], tuple[int, float]]


@dataclass
class Asked:
    """One task that a client asked for."""

    #: Sent as the label `key`, and as the Idempotency-Key of a task that comes alone: `batch-number` in a batch.
    key: str
    kind: str
    #: The key of the batch that it came in.
    batch: str | None = None
    #: Tasks in a batch.
    size: int = 1
    #: Seconds that it was to wait.
    delay: float = 0.0
    #: The keys of the tasks that it depends on, and what is to become of it when one of them does not complete.
    needs: tuple[str, ...] = ()
    on_dependency_failure: str | None = None
    #: The ids in the answers; none if every answer was lost, and never two.
    task_ids: set[str] = field(default_factory=set)

    @property
    def idempotency_key(self) -> str:
        """What is stored with the task."""
        if self.batch is None:
            return self.key
        return f"{self.batch}\n{self.key.removeprefix(f'{self.batch}-')}"


@dataclass(frozen=True)
class CancelAnswer:
    """What the API answered to a cancel, and when the client had it, in Unix time."""

    task_id: str
    status: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of `tasks`."""

    id: str
    key: str
    batch: str | None
    idempotency_key: str | None
    status: str
    attempt: int
    max_retries: int
    fence: int
    interruptions: int
    #: The run that the result names.
    run: str | None = None
    #: `error.reason` of the last failure.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """A row of `events`; `at` is Unix time."""

    id: int
    task_id: str
    type: str
    attempt: int
    at: float
    #: The process id of the worker's parent, of a `started` event.
    parent: int | None = None
    reason: str = ""
    seconds: float | None = None
    #: Given back before its handler began, since a task before it turned out to be long.
    held_up: bool = False
    #: It ended with a task that it depends on.
    by_dependency: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line that a handler wrote; `at` is Unix time."""

    what: str
    task_id: str
    attempt: int
    #: The name of this run of the handler.
    run: str
    pid: int
    parent: int
    at: float


@dataclass(kw_only=True)
class Evidence:
    """All of it."""

    asked: list[Asked] = field(default_factory=list)
    cancels: list[CancelAnswer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    #: In the order of their ids.
    events: list[Event] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    #: The table `statistics`, by minute and event.
    statistics: Sums = field(default_factory=dict)
    #: The table `totals`, by event, reason and bucket.
    totals: Sums = field(default_factory=dict)
    #: What went wrong outside of single tasks, in words: rule → findings.
    findings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def row_of(self) -> Mapping[str, Row]:
        """By the id of the task."""
        return {row.id: row for row in self.rows}

    @cached_property
    def row_by_key(self) -> Mapping[str, Row]:
        """By the key."""
        return {row.key: row for row in self.rows}

    @cached_property
    def events_of(self) -> Mapping[str, list[Event]]:
        """By the id of the task."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            found[event.task_id].append(event)
        return found

    @cached_property
    def lines_of(self) -> Mapping[str, list[Line]]:
        """By the id of the task."""
        found: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            found[line.task_id].append(line)
        return found

    @cached_property
    def asked_by_key(self) -> Mapping[str, Asked]:
        """By the key."""
        return {asked.key: asked for asked in self.asked}
