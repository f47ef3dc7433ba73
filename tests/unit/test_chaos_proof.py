"""Each rule of the chaos proof is fed a violation, and finds it: a check that cannot fail proves nothing."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.evidence import Evidence
from tests.chaos.proof import RULES, prove
from tests.unit.sound_evidence import (
    AFTER,
    ANYHOW,
    CANCELLED,
    DONE,
    FAILED,
    OTHER,
    RESCUED,
    STOPPED,
    WITH,
    count_again,
    history,
    row,
    run,
    sound,
)


def change_row(task_id: str, **values: object) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence.rows = [replace(one, **values) if one.id == task_id else one for one in evidence.rows]  # type: ignore[arg-type]

    return change


def change_events(task_id: str, *words: str) -> Callable[[Evidence], None]:
    """Another history of the task."""

    def change(evidence: Evidence) -> None:
        evidence.events = [one for one in evidence.events if one.task_id != task_id] + history(task_id, *words)
        count_again(evidence)

    return change


def change_lines(task_id: str, **values: object) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence.lines = [replace(one, **values) if one.task_id == task_id else one for one in evidence.lines]  # type: ignore[arg-type]

    return change


def held_up(task_id: str, number: int) -> Callable[[Evidence], None]:
    """Its event of that number says that a task before it held it up."""

    def change(evidence: Evidence) -> None:
        chosen = [one for one in evidence.events if one.task_id == task_id][number]
        evidence.events = [replace(one, held_up=True) if one == chosen else one for one in evidence.events]

    return change


def add(collection: str, *items: object) -> Callable[[Evidence], None]:
    return lambda evidence: getattr(evidence, collection).extend(items)


def drop(collection: str, task_id: str) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        kept = [one for one in getattr(evidence, collection) if (getattr(one, "task_id", None) or one.id) != task_id]
        setattr(evidence, collection, kept)

    return change


def run_without_a_line(evidence: Evidence) -> None:
    """It was interrupted after a second in which its handler wrote nothing."""
    evidence.lines = [one for one in evidence.lines if one.run != "failed-2"]
    evidence.events = [replace(one, seconds=1.0) if one.type == "interrupted" else one for one in evidence.events]
    count_again(evidence)


def ask(key: str, **values: object) -> Callable[[Evidence], None]:
    """It was asked for otherwise."""

    def change(evidence: Evidence) -> None:
        evidence.asked = [replace(one, **values) if one.key == key else one for one in evidence.asked]  # type: ignore[arg-type]

    return change


def answer_twice(evidence: Evidence) -> None:
    evidence.asked[0].task_ids.add(RESCUED)


def add_up(table: str, key: tuple[str, ...], value: tuple[int, float]) -> Callable[[Evidence], None]:
    return lambda evidence: getattr(evidence, table).update({key: value})


VIOLATIONS: list[tuple[str, str, Callable[[Evidence], None]]] = [
    ("an accepted task is gone", "lost", drop("rows", DONE)),
    ("a task has not ended", "lost", change_row(DONE, status="pending")),
    ("a task has no history", "lost", change_events(DONE)),
    ("two tasks for a key", "keys", add("rows", row("second", "completed", key=DONE))),
    ("a key was answered with two ids", "keys", answer_twice),
    ("nobody asked for a task", "keys", change_row(DONE, key="unknown")),
    ("a task has the key of another", "keys", change_row(DONE, idempotency_key="unknown")),
    ("half a batch", "keys", drop("rows", STOPPED)),
    (
        "submitted twice",
        "submitted once",
        change_events(DONE, "submitted 0", "submitted 0", "started 1", "completed 1"),
    ),
    ("never submitted", "submitted once", change_events(DONE, "started 1", "completed 1")),
    ("two ends", "finished twice", change_events(DONE, "submitted 0", "started 1", "completed 1", "completed 1")),
    (
        "two different ends",
        "finished twice",
        change_events(FAILED, "submitted 0", "started 1", "failed 1", "completed 1"),
    ),
    ("no end", "finished twice", change_events(DONE, "submitted 0", "started 1")),
    ("something after the end", "finished twice", change_events(CANCELLED, "submitted 0", "cancelled 0", "started 1")),
    ("the row says something else", "finished twice", change_row(DONE, status="failed", reason="worker_lost")),
    ("claimed while claimed", "claims", change_events(DONE, "submitted 0", "started 1", "started 2", "completed 2")),
    ("ended while nobody had it", "claims", change_events(DONE, "submitted 0", "completed 0")),
    ("closed twice", "claims", change_events(RESCUED, "submitted 0", "started 1", "rescued 1", "rescued 1")),
    ("claimed for ever", "claims", change_events(DONE, "submitted 0", "started 1")),
    ("progress of nobody", "claims", change_events(DONE, "submitted 0", "progressed 0", "started 1", "completed 1")),
    ("sent again while claimed", "claims", change_events(DONE, "submitted 0", "started 1", "redispatched 1")),
    ("an attempt is left out", "attempts", change_events(DONE, "submitted 0", "started 2", "completed 2")),
    ("too many attempts", "attempts", change_row(RESCUED, max_retries=0)),
    ("failed too early", "attempts", change_row(FAILED, max_retries=2)),
    ("the fence counts something else", "attempts", change_row(DONE, fence=2)),
    ("the row counts other attempts", "attempts", change_row(DONE, attempt=2)),
    ("the row counts other interruptions", "attempts", change_row(DONE, interruptions=1)),
    (
        "claimed after its cancel",
        "claimed after cancel",
        change_events(CANCELLED, "submitted 0", "cancelled 0", "started 1"),
    ),
    (
        "claimed again after it was asked to stop",
        "claimed after cancel",
        change_events(
            STOPPED, "submitted 0", "started 1", "cancel_requested 1", "rescued 1", "started 2", "completed 2"
        ),
    ),
    (
        "failed after it was asked to stop",
        "claimed after cancel",
        change_events(STOPPED, "submitted 0", "started 1", "cancel_requested 1", "failed 1"),
    ),
    ("a handler starts after the cancel", "ran after cancel", add("lines", *run(CANCELLED, 1, "late", 5.1, "finish"))),
    ("cancelled, and completed", "ran after cancel", change_row(CANCELLED, status="completed")),
    ("to be stopped, and failed", "ran after cancel", change_row(STOPPED, status="failed")),
    (
        "to be stopped, which is unknown",
        "ran after cancel",
        change_events(STOPPED, "submitted 0", "started 1", "cancelled 1"),
    ),
    ("claimed before it was due", "too early", lambda evidence: setattr(evidence.asked[1], "delay", 1.5)),
    ("a handler without a claim", "handlers", change_lines(DONE, parent=OTHER)),
    ("a handler before its claim", "handlers", change_lines(DONE, at=1.9)),
    ("two handlers for a claim", "handlers", add("lines", *run(DONE, 1, "again", 2.5, "finish"))),
    ("a claim without a handler", "handlers", drop("lines", FAILED)),
    ("an interruption without a handler", "handlers", run_without_a_line),
    ("held up while its handler ran", "handlers", held_up(FAILED, 4)),
    ("a handler without a task", "handlers", add("lines", *run("unknown", 1, "stray", 2.5, "finish"))),
    ("the result of an unknown run", "results", change_row(DONE, run="unknown")),
    ("the result of a run that did not finish", "results", change_lines(DONE, what="start")),
    ("the result of an earlier claim", "results", change_lines(RESCUED, attempt=1)),
    ("what works failed", "outcomes", change_row(DONE, status="failed", reason="error")),
    ("what fails completed", "outcomes", change_row(FAILED, status="completed", reason=None)),
    ("claimed before the one it depends on", "chains", change_events(AFTER, "submitted 0", "started 1", "completed 1")),
    ("claimed, and that is gone", "chains", drop("events", DONE)),
    ("claimed before the end of a failure", "chains", change_events(ANYHOW, "submitted 0", "started 1", "completed 1")),
    ("ended otherwise than asked", "ends of chains", change_row(WITH, status="cancelled")),
    ("ended with one that completed", "ends of chains", change_row(FAILED, status="completed")),
    ("ended with one, but was to run", "ends of chains", ask(WITH, on_dependency_failure="run")),
    ("run though one failed", "ends of chains", ask(ANYHOW, on_dependency_failure="cancel")),
    ("an event was not added up", "statistics", add_up("statistics", ("0", "started"), (4, 0.08))),
    ("an event was added up twice", "statistics", add_up("totals", ("completed", "", "2"), (3, 0.06))),
    ("seconds were added up twice", "statistics", add_up("totals", ("completed", "", "2"), (2, 0.08))),
    ("a row of statistics for nothing", "statistics", add_up("totals", ("retried", "", "-1"), (1, 0.0))),
]


@pytest.mark.parametrize("is_held_up", [True, False])
def test_a_claim_that_was_given_back_needs_no_handler(is_held_up: bool) -> None:
    """A task before it held it up, or it was interrupted before its first line."""
    evidence = sound()
    if is_held_up:
        held_up(FAILED, 4)(evidence)
    evidence.lines = [line for line in evidence.lines if line.run != "failed-2"]
    assert not any(prove(evidence).values()), prove(evidence)


def test_sound_evidence_breaks_no_rule() -> None:
    """A rescue, a drain, a cancel and a failure are no violations."""
    assert not any(prove(sound()).values()), prove(sound())


@pytest.mark.parametrize(
    ("rule", "violate"), [found[1:] for found in VIOLATIONS], ids=[found[0] for found in VIOLATIONS]
)
def test_a_violation_is_found(rule: str, violate: Callable[[Evidence], None]) -> None:
    """By the rule that is there for it."""
    evidence = copy.deepcopy(sound())
    violate(evidence)
    assert prove(evidence)[rule]


def test_each_rule_has_a_violation() -> None:
    """A rule that is new must be seen to fail."""
    assert {rule for _, rule, _ in VIOLATIONS} == RULES.keys()


def test_what_went_wrong_outside_of_tasks_breaks_the_proof() -> None:
    """Such as a process that ended by itself."""
    evidence = sound()
    evidence.findings["processes"].append("api-1 ended by itself")
    assert prove(evidence)["processes"] == ["api-1 ended by itself"]
