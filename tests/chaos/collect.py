"""Reads the database and the handlers' journal into the evidence, once everything has ended."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.chaos.evidence import Event, Evidence, Line, Row
from tests.chaos.service import Service

TASKS = """
    SELECT id::text, labels ->> 'key', labels ->> 'batch', idempotency_key, status, attempt, max_retries, fence,
           interruptions, result ->> 'run', error ->> 'reason'
    FROM tasks ORDER BY id"""
EVENTS = """
    SELECT id, task_id::text, type, attempt, extract(epoch FROM at)::float, split_part(data ->> 'worker', ':', 2),
           coalesce(data #>> '{error,reason}', ''), (data ->> 'seconds')::float,
           type = 'interrupted' AND data ->> 'reason' = 'held_up', data ? 'dependency_failed'
    FROM events ORDER BY id"""
STATISTICS = """
    SELECT (extract(epoch FROM minute) / 60)::bigint::text, event, sum(count)::bigint, sum(seconds)::float
    FROM statistics GROUP BY 1, 2"""
TOTALS = "SELECT event, reason, bucket::text, sum(count)::bigint, sum(seconds)::float FROM totals GROUP BY 1, 2, 3"


def collect(service: Service, evidence: Evidence) -> None:
    """Fill it with what is there now."""
    names = list(Row.__dataclass_fields__)
    evidence.rows = [Row(**dict(zip(names, row, strict=True))) for row in service.sql(TASKS)]
    evidence.events = [_event(*row) for row in service.sql(EVENTS)]
    evidence.lines = list(read_journal(service.journal))
    evidence.statistics = {tuple(row[:-2]): (row[-2], row[-1]) for row in service.sql(STATISTICS)}
    evidence.totals = {tuple(row[:-2]): (row[-2], row[-1]) for row in service.sql(TOTALS)}


def _event(number: int, task_id: str, kind: str, attempt: int, at: float, pid: str | None, *rest: Any) -> Event:
    reason, seconds, held_up, by_dependency = rest
    parent = int(pid) if pid and kind == "started" else None
    return Event(
        id=number,
        task_id=task_id,
        type=kind,
        attempt=attempt,
        at=at,
        parent=parent,
        reason=reason,
        seconds=seconds,
        held_up=held_up,
        by_dependency=by_dependency,
    )


def read_journal(path: Path, *, after: int = 0) -> Iterator[Line]:
    """What the handlers wrote, in the order of writing, after so many bytes."""
    with path.open() as lines:
        lines.seek(after)
        for line in lines:
            yield Line(**json.loads(line))
