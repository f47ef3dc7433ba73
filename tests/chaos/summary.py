"""What a run has shown, as a table for people and as JSON. __main__.py prints it."""

import re
from collections import Counter
from typing import Any

from tests.chaos.evidence import Evidence
from tests.chaos.run import Report

#: Shown of each rule that is broken.
SHOWN = 10
TASK_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def figures(report: Report) -> dict[str, Any]:
    """All of it, in plain values."""
    evidence, broken = report.evidence, report.broken
    kinds = Counter(event.type for event in evidence.events)
    slowest = slowest_recovery(report)
    return {
        "seconds": round(report.seconds, 1),
        "seed": report.options.seed,
        "tasks": len(evidence.rows),
        "tasks that depend on others": sum(bool(asked.needs) for asked in evidence.asked),
        "tasks by kind and outcome": _by_kind(evidence),
        "requests": report.sent,
        "answers lost": report.lost_answers,
        "faults": len(report.faults),
        "faults by kind": dict(sorted(Counter(fault.kind for fault in report.faults).items())),
        "attempts": kinds["started"],
        "attempts lost with their worker": sum(event.reason == "worker_lost" for event in evidence.events),
        "interruptions": kinds["interrupted"],
        "retries": kinds["retry_scheduled"],
        "ids sent again": kinds["redispatched"],
        "cancels confirmed": len(evidence.cancels),
        "seconds to drain": round(report.drain_seconds, 1),
        "slowest recovery": f"{slowest[0]:.1f} s after: {slowest[1]}" if slowest else "-",
        "lost": len(broken["lost"]),
        "finished twice": len(broken["finished twice"]),
        "ran after cancel": len(broken["ran after cancel"]) + len(broken["claimed after cancel"]),
        "other rules broken": sorted(name for name, found in broken.items() if found),
        "proved": report.proved,
    }


def _by_kind(evidence: Evidence) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for row in evidence.rows:
        asked = evidence.asked_by_key.get(row.key)
        found.setdefault(asked.kind if asked else "unknown", Counter())[row.status] += 1
    return {kind: dict(sorted(counts.items())) for kind, counts in sorted(found.items())}


def slowest_recovery(report: Report) -> tuple[float, str] | None:
    """The longest time from the end of a fault to the next completed task, in seconds, and which fault it was."""
    completed = [event.at for event in report.evidence.events if event.type == "completed"]
    waits = [
        (after[0] - fault.ended, f"{fault.kind}, {fault.target}")
        for fault in report.faults
        if (after := [at for at in completed if at > fault.ended])
    ]
    return max(waits, default=None)


def table(report: Report) -> str:
    """The figures, one a line; what is counted by kind is indented below its sum."""
    lines = []
    for name, value in figures(report).items():
        if isinstance(value, dict):
            lines += [f"    {kind:<30} {_shown(count)}" for kind, count in value.items()]
        elif name == "other rules broken":
            lines += [f"{name:<34} {', '.join(value)}"] if value else []
        else:
            lines.append(f"{name:<34} {_shown(value)}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {name}" for name, count in value.items())
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:,}" if isinstance(value, int) else str(value)


def complaints(report: Report) -> str:
    """What breaks each rule, with the whole history of the first task that does."""
    lines = []
    for rule, found in report.broken.items():
        if not found:
            continue
        lines.append(f"\n{rule}: {len(found)}")
        lines += [f"  {text}" for text in found[:SHOWN]]
        if (task := TASK_ID.search(found[0])) is not None:
            lines += [f"    {text}" for text in history(report.evidence, task.group())]
    return "\n".join(lines)


def history(evidence: Evidence, task_id: str) -> list[str]:
    """The row, the events and the handlers' lines of one task, in order of time."""
    row = evidence.row_of.get(task_id)
    asked = evidence.asked_by_key.get(row.key) if row else None
    found = [(event.at, f"event {event}") for event in evidence.events_of.get(task_id, [])]
    found += [(line.at, f"handler {line}") for line in evidence.lines_of.get(task_id, [])]
    found += [(answer.at, f"client {answer}") for answer in evidence.cancels if answer.task_id == task_id]
    return [f"{asked}", f"{row}", *(text for _, text in sorted(found))]
