"""The event log, added up: by the minute for people, in total for Prometheus. The leading dispatcher does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core.events import EventHorizon
from atropos_core.models import Total

#: Event ids added up in one transaction.
BATCH = 5_000
#: Of these the newest are looked at for exemplars: to look at all takes as long as to add them up.
EXEMPLARY = 500
#: Upper bounds of the buckets of durations, in seconds; the last bucket has none.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

#: `width_bucket` counts the bounds that a duration reached: 0 is the first bucket.
_BUCKET = f"width_bucket((events.data ->> 'seconds')::float, ARRAY[{', '.join(map(str, BUCKETS))}]::float[])"
_ADD_UP = text(f"""
    WITH batch AS (
        SELECT date_trunc('minute', events.at) AS minute, tasks.task_type, tasks.queue, events.type AS event,
               coalesce(events.data #>> '{{error,reason}}',
                        CASE events.type WHEN 'interrupted' THEN events.data ->> 'reason' END, '') AS reason,
               coalesce({_BUCKET}, -1) AS bucket,
               count(*) AS count, coalesce(sum((events.data ->> 'seconds')::float), 0) AS seconds
        FROM events JOIN tasks ON tasks.id = events.task_id
        WHERE events.id > :after AND events.id <= :up_to
        GROUP BY 1, 2, 3, 4, 5, 6
    ), minutes AS (
        INSERT INTO statistics (minute, task_type, queue, event, count, seconds)
        SELECT minute, task_type, queue, event, sum(count), sum(seconds) FROM batch GROUP BY 1, 2, 3, 4
        ON CONFLICT (minute, task_type, queue, event) DO UPDATE
        SET count = statistics.count + excluded.count, seconds = statistics.seconds + excluded.seconds
    )
    INSERT INTO totals (task_type, queue, event, reason, bucket, count, seconds)
    SELECT task_type, queue, event, reason, bucket, sum(count), sum(seconds) FROM batch GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (task_type, queue, event, reason, bucket) DO UPDATE
    SET count = totals.count + excluded.count, seconds = totals.seconds + excluded.seconds""")
#: Of traces that are kept: the last bit of a traceparent tells (W3C Trace Context, "trace-flags").
_EXEMPLARS = text(f"""
    SELECT DISTINCT ON (1, 2, 3, 4)
           tasks.task_type, tasks.queue, events.type, {_BUCKET},
           split_part(tasks.traceparent, '-', 2), (events.data ->> 'seconds')::float, extract(epoch FROM events.at)
    FROM events JOIN tasks ON tasks.id = events.task_id
    WHERE events.id > :after AND events.id <= :up_to AND events.data ? 'seconds' AND tasks.traceparent ~ '[13579bdf]$'
    ORDER BY 1, 2, 3, 4, events.id DESC""")


@dataclass(frozen=True)
class Exemplar:
    """One event of a bucket, with the trace that tells its story."""

    trace_id: str
    #: The duration.
    seconds: float
    #: When it happened, in Unix time.
    at: float


#: Of a task type, queue, event and bucket.
ExemplarKey = tuple[str, str, str, int]


@dataclass(frozen=True)
class AddedUp:
    """What one call added: how many ids the cursor moved, and an exemplar for each bucket that grew."""

    moved: int
    exemplars: Mapping[ExemplarKey, Exemplar]


def add_up_events(session: Session, horizon: EventHorizon) -> AddedUp:
    """Add a batch of the event log, if no other dispatcher does. The cursor moves in the same transaction."""
    nothing = AddedUp(0, {})
    reached = horizon.advance(session)  # before anything is locked, as it asks
    session.execute(
        text("INSERT INTO event_cursors (reader, event_id) VALUES ('statistics', 0) ON CONFLICT DO NOTHING")
    )
    after = session.scalar(
        text("SELECT event_id FROM event_cursors WHERE reader = 'statistics' FOR UPDATE SKIP LOCKED")
    )
    if after is None:
        return nothing
    up_to = min(reached, after + BATCH)
    if up_to <= after:
        return nothing
    span = {"after": after, "up_to": up_to}
    session.execute(_ADD_UP, span)
    rows = session.execute(_EXEMPLARS, {**span, "after": max(after, up_to - EXEMPLARY)})
    exemplars = {(row[0], row[1], row[2], row[3]): Exemplar(row[4], float(row[5]), float(row[6])) for row in rows}
    session.execute(text("UPDATE event_cursors SET event_id = :up_to WHERE reader = 'statistics'"), span)
    return AddedUp(int(up_to - after), exemplars)


def added_up_to(session: Session) -> int:
    """The event id that the adding up has reached; nothing at or below it is still to appear."""
    query = text("SELECT coalesce(max(event_id), 0) FROM event_cursors WHERE reader = 'statistics'")
    return int(session.execute(query).scalar_one())


def read_totals(session: Session) -> Sequence[Total]:
    """Everything that was added up; a few rows for each task type."""
    return session.query(Total).order_by(Total.task_type, Total.queue, Total.event, Total.reason, Total.bucket).all()


def events_behind(session: Session) -> tuple[int, float]:
    """How far the adding up is behind the log: in event ids, and in seconds since the first event it has not seen."""
    row = session.execute(
        text("""
        SELECT (SELECT last_value - (NOT is_called)::int FROM events_id_seq) - cursor.event_id,
               coalesce((SELECT extract(epoch FROM now() - at) FROM events WHERE id > cursor.event_id
                         ORDER BY id LIMIT 1), 0)::float
        FROM (
            SELECT coalesce(max(event_id), 0) AS event_id FROM event_cursors WHERE reader = 'statistics'
        ) AS cursor""")
    ).one()
    return max(int(row[0]), 0), float(row[1])
