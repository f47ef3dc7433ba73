"""Limits: so many tasks of a key at once, so many of a type in a second. Kept by the dispatcher; other tasks pay not.

A task that is about to be handed out and would break a limit is held instead: it stays pending with a `run_at` that is
far away, so that it is in nobody's way. When there is room, the first of each limit are let go: they are due as before,
are handed out in the usual order, and looked at once more. As every attempt passes here, whatever came before it, a
limit holds over retries, drains, rescues and cancels: what counts is how many are handed out or run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core.lifecycle import HELD_UNTIL, TaskStatus
from atropos_core.models import Task

#: What `pg_advisory_xact_lock` takes: who counts for a limit, or lets tasks go, is alone with that until it commits.
ADVISORY_LOCK = 0x61747230_6C696D74
#: Limits that one release looks at; the next one goes on behind them.
MAXIMUM_LOOK = 1000

_WAITS = "held_for IS NOT NULL AND status = 'pending' AND dispatched_at IS NULL"
#: How many of a key are handed out or run, by the index tasks_at_once.
_AT_ONCE = """(
    SELECT count(*) FROM tasks WHERE limits ->> 'key' = {key} AND limits ->> 'key' IS NOT NULL
      AND (status = 'processing' OR (status = 'pending' AND dispatched_at IS NOT NULL)))"""
_HOLD = "dispatched_at = NULL, held_run_at = run_at, run_at = :far"
#: A tenth of a second's worth, or one.
_BURST = "greatest(1, CAST(limits ->> 'per_second' AS float) / 10)"

#: Of the tasks of a key that were just marked as handed out, those that are too many.
_HOLD_FOR_KEYS = text(f"""
    WITH marked AS MATERIALIZED (
        SELECT id, limits ->> 'key' AS key, CAST(limits ->> 'at_once' AS integer) AS at_once,
               row_number() OVER (PARTITION BY limits ->> 'key' ORDER BY priority DESC, run_at, id) AS place,
               count(*) OVER (PARTITION BY limits ->> 'key') AS together
        FROM tasks WHERE id = ANY(:task_ids)
    ), keys AS MATERIALIZED (
        SELECT key, {_AT_ONCE.format(key="names.key")} AS used FROM (SELECT DISTINCT key FROM marked) AS names
    )
    UPDATE tasks SET {_HOLD}, held_for = 'key ' || marked.key FROM marked JOIN keys USING (key)
    WHERE tasks.id = marked.id AND keys.used - marked.together + marked.place > marked.at_once
    RETURNING tasks.id""")
_HOLD_FOR_RATE = text(f"UPDATE tasks SET {_HOLD}, held_for = 'rate ' || :name WHERE id = ANY(:task_ids)")
#: A token bucket (Turner, "New directions in communications", 1986): filled evenly, and one is taken for each task.
_TOKENS = text("""
    SELECT tokens + :per_second * greatest(0, extract(epoch FROM clock_timestamp() - at)), clock_timestamp()
    FROM rate_buckets WHERE name = :name
    UNION ALL SELECT :burst, clock_timestamp()""")
_KEEP_TOKENS = text("""
    INSERT INTO rate_buckets (name, tokens, at) VALUES (:name, :tokens, :at)
    ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, at = excluded.at""")
#: `names` is a loose index scan over tasks_held (PostgreSQL wiki, "Loose indexscan"). Those that were let go, and are
#: not handed out yet, count as used.
_RELEASE = text(f"""
    WITH RECURSIVE names AS (
        (SELECT held_for FROM tasks WHERE {_WAITS} AND queue = :queue AND held_for > :after ORDER BY held_for LIMIT 1)
        UNION ALL
        SELECT (SELECT held_for FROM tasks WHERE {_WAITS} AND queue = :queue AND held_for > names.held_for
                ORDER BY held_for LIMIT 1)
        FROM names WHERE names.held_for IS NOT NULL
    ), looked AS MATERIALIZED (
        SELECT names.held_for, first.limits
        FROM (SELECT * FROM names WHERE held_for IS NOT NULL LIMIT :maximum) AS names,
        LATERAL (SELECT limits FROM tasks WHERE {_WAITS} AND queue = :queue AND held_for = names.held_for
                 ORDER BY run_at LIMIT 1) AS first
    ), tokens AS MATERIALIZED (
        SELECT held_for, least({_BURST}, coalesce(
            bucket.tokens + CAST(limits ->> 'per_second' AS float)
                * greatest(0, extract(epoch FROM clock_timestamp() - bucket.at)), {_BURST})) AS tokens
        FROM looked LEFT JOIN rate_buckets AS bucket ON bucket.name = limits ->> 'rate' WHERE held_for LIKE 'rate %'
    ), free AS MATERIALIZED (
        SELECT held_for, coalesce(
            floor(tokens.tokens),
            CAST(limits ->> 'at_once' AS integer) - {_AT_ONCE.format(key="substr(looked.held_for, 5)")}
        ) - (SELECT count(*) FROM tasks WHERE {_WAITS} AND queue = :queue AND held_for = looked.held_for
             AND run_at < :far) AS room
        FROM looked LEFT JOIN tokens USING (held_for)
    ), let_go AS (
        UPDATE tasks SET run_at = held_run_at FROM free, LATERAL (
            SELECT id FROM tasks WHERE {_WAITS} AND queue = :queue AND held_for = free.held_for AND run_at = :far
            ORDER BY priority DESC, held_run_at, id LIMIT greatest(free.room, 0) FOR UPDATE SKIP LOCKED
        ) AS first
        WHERE tasks.id = first.id RETURNING tasks.id
    )
    SELECT (SELECT count(*) FROM let_go), (SELECT count(*) FROM looked), (SELECT max(held_for) FROM looked),
           (SELECT min((floor(tokens) + 1 - tokens) / CAST(limits ->> 'per_second' AS float))
            FROM tokens JOIN looked USING (held_for))""")


@dataclass(frozen=True)
class Release:
    """What a look at the limits of a queue has done."""

    let_go: int
    #: Where the next look goes on.
    after: str
    #: Seconds until a rate lets another one go; None if none waits for one.
    next_token: float | None


def hold(session: Session, tasks: Sequence[Task]) -> set[UUID]:
    """Of tasks that this transaction marked as handed out, hold those that would break a limit; returns their ids."""
    limited = [task for task in tasks if task.limits]
    if not limited:
        return set()
    # A statement of its own: what follows sees all that who had the lock before has done.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    keyed = [task.id for task in limited if task.limits and "key" in task.limits]
    held = set(session.scalars(_HOLD_FOR_KEYS, {"task_ids": keyed, "far": HELD_UNTIL})) if keyed else set()
    rated: dict[str, list[Task]] = {}
    for task in limited:
        if task.id not in held and task.limits and "rate" in task.limits:
            rated.setdefault(task.limits["rate"], []).append(task)
    for name, together in rated.items():
        held |= _hold_for_rate(session, name, together)
    return held


def _hold_for_rate(session: Session, name: str, together: Sequence[Task]) -> set[UUID]:
    """Take a token for each, in order; hold those for which there is none."""
    per_second = float((together[0].limits or {})["per_second"])
    burst = max(1.0, per_second / 10)
    values = {"name": name, "per_second": per_second, "burst": burst}
    tokens, at = session.execute(_TOKENS, values).first() or (burst, None)
    tokens = min(burst, tokens)
    go = min(len(together), int(tokens + 1e-6))
    session.execute(_KEEP_TOKENS, {"name": name, "tokens": tokens - go, "at": at})
    held = [task.id for task in together[go:]]
    if held:
        session.execute(_HOLD_FOR_RATE, {"name": name, "task_ids": held, "far": HELD_UNTIL})
    return set(held)


def release(session: Session, queue: str, *, after: str = "", maximum: int = MAXIMUM_LOOK) -> Release:
    """Let go as many of the queue's held tasks as their limits have room for, the first of each limit.

    Nothing is done while another dispatcher does it, or counts for a limit.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK}):
        return Release(0, after, 0.0)
    values = {"queue": queue, "after": after, "maximum": maximum, "far": HELD_UNTIL}
    let_go, looked, last, next_token = session.execute(_RELEASE, values).one()
    return Release(let_go, last if looked == maximum else "", next_token)


def waiting_for(task: Task) -> str | None:
    """The limit that a task waits for, as a sentence; None for one that waits for none."""
    limits = task.limits or {}
    if task.status is not TaskStatus.PENDING or task.dispatched_at is not None or task.held_for is None:
        return None
    if task.held_for.startswith("rate "):
        return f"At most {limits['per_second']:g} tasks of this type start in a second."
    _, _, key = str(limits["key"]).partition(" ")
    of = f"with the concurrency key {key!r}" if key else "of this type"
    at_once = limits["at_once"]
    return f"At most {at_once} task{' runs' if at_once == 1 else 's run'} at once {of}."
