"""Fills a database with tasks that have a past, in SQL alone. Called by benchmarks/data.py, and by tests of plans."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from atropos_core.lifecycle import TaskStatus
from atropos_core.task_lists import TaskFilter

#: What follows is spread evenly over this many days before now.
DAYS = 28
#: 97 % completed, 2 % failed, 0.5 % cancelled, and the newest 0.5 % pending: a fifth of those scheduled, and as many
#: handed to Redis as a window holds. A type in a thousand is rare, and so is the label of a customer.
_TASKS = text("""
    INSERT INTO tasks (id, task_type, queue, status, priority, parameters, labels, attempt, max_retries, fence,
                       progress, result, error, created_at, run_at, dispatched_at, started_at, finished_at, worker)
    SELECT uuidv7(created_at - now()), task_type, 'default', status, number % 10,
           '{"rows": 5000, "processing_time": 5, "source": "s3://bucket/some/folder/file.parquet"}',
           CASE WHEN third % 100 = 0 THEN jsonb_build_object('customer', 'customer-' || third / 100 % 5000)
                WHEN third % 10 < 3 THEN jsonb_build_object('team', 'team-' || third / 10 % 20) ELSE '{}' END,
           attempt, 3, attempt, attempt,
           CASE status WHEN 'completed' THEN
               '{"rows": 5000, "seconds": 5.01, "output": "s3://bucket/some/folder/result.parquet"}'::jsonb END,
           CASE status WHEN 'failed' THEN '{"type": "ValueError", "reason": "error", "attempt": 1,
               "message": "no such column", "traceback": "Traceback (most recent call last)"}'::jsonb END,
           created_at,
           CASE WHEN status = 'pending' AND number % 5 = 0 THEN now() + interval '1 day' ELSE created_at END,
           CASE WHEN status <> 'pending' OR number > :count - 2000 AND number % 5 <> 0 THEN created_at END,
           CASE attempt WHEN 1 THEN created_at + interval '10 ms' END,
           CASE WHEN status <> 'pending' THEN created_at + interval '5 s' END,
           CASE attempt WHEN 1 THEN 'worker@atropos-worker-default-7c9f-x2x4:1' END
    FROM (
        SELECT number, third,
               now() - interval '1 min' - make_interval(days => :days) * (1 - number / CAST(:count AS float8))
                   AS created_at,
               CASE WHEN number > :count * 0.995 THEN 'pending' WHEN first < 20 THEN 'failed'
                    WHEN first < 25 THEN 'cancelled' ELSE 'completed' END AS status,
               CASE WHEN second = 999 THEN 'video_processing' WHEN second % 10 = 8 THEN 'report_generation'
                    WHEN second % 10 > 6 THEN 'data_processing' ELSE 'default' END AS task_type,
               CASE WHEN number > :count * 0.995 THEN 0 ELSE 1 END AS attempt
        FROM (
            SELECT number, (draw & 1048575) % 1000 AS first, (draw >> 20 & 1048575) % 1000 AS second,
                   (draw >> 40 & 1048575) AS third
            FROM generate_series(1, :count) AS number, LATERAL (SELECT hashint8extended(number, 0) AS draw) AS drawn
        ) AS numbered
    ) AS made ORDER BY number""")
_EVENTS = text("""
    INSERT INTO events (task_id, type, attempt, at, data)
    SELECT tasks.id, event.type, event.attempt, event.at, event.data
    FROM tasks, LATERAL (VALUES
        ('submitted', 0, created_at, '{}'::jsonb),
        ('started', 1, started_at,
            '{"worker": "worker@atropos-worker-default-7c9f-x2x4:1", "seconds": 0.01}'),
        ('progressed', 1, started_at, '{"progress": 0.5, "message": null}'),
        (status, 1, finished_at, '{"seconds": 5.01}')
    ) AS event (type, attempt, at, data)
    WHERE event.at IS NOT NULL""")
#: What the dispatcher would have added up.
_STATISTICS = text("""
    INSERT INTO statistics (minute, task_type, queue, event, count, seconds)
    SELECT date_trunc('minute', at), task_type, queue, type, count(*), 5.01 * count(*)
    FROM events JOIN tasks ON tasks.id = task_id GROUP BY 1, 2, 3, 4""")
_TOTALS = text("""
    INSERT INTO totals (task_type, queue, event, reason, bucket, count, seconds)
    SELECT task_type, queue, event, '', -1, sum(count), sum(seconds) FROM statistics GROUP BY 1, 2, 3""")
_CURSOR = text("INSERT INTO event_cursors (reader, event_id) SELECT 'statistics', coalesce(max(id), 0) FROM events")
_INDEXES = text("""
    SELECT pg_get_indexdef(indexrelid), indexrelid::regclass::text FROM pg_index
    WHERE indrelid IN ('tasks'::regclass, 'events'::regclass) AND NOT indisprimary""")


def fill(engine: Engine, count: int) -> None:
    """Replace all tasks by `count` tasks and about four events of each. Indexes are made afterwards: that is quicker.

    In one transaction, so that a server with `wal_level=minimal` logs none of it.
    """
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        connection.execute(
            text("TRUNCATE tasks, events, task_logs, statistics, totals, event_cursors RESTART IDENTITY")
        )
        indexes = connection.execute(_INDEXES).all()
        for _, name in indexes:
            connection.execute(text(f"DROP INDEX {name}"))
        _insert(connection, count)
        for definition, _ in indexes:
            connection.execute(text(definition))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (FREEZE, ANALYZE)"))


def _insert(connection: Connection, count: int) -> None:
    statements: list[tuple[Any, dict[str, int]]] = [(_TASKS, {"count": count, "days": DAYS})]
    statements += [(statement, {}) for statement in (_EVENTS, _STATISTICS, _TOTALS, _CURSOR)]
    for statement, values in statements:
        connection.execute(statement, values)


def filters() -> list[TaskFilter]:
    """Each state, a common and a rare type, label and window, and some combinations."""
    start = datetime.now(UTC) - timedelta(days=DAYS / 2)
    window = {"created_from": start, "created_before": start + timedelta(hours=6)}
    return [
        TaskFilter(),
        *(TaskFilter(statuses=[state]) for state in TaskStatus),
        TaskFilter(statuses=[TaskStatus.FAILED, TaskStatus.CANCELLED]),
        *(TaskFilter(task_types=[name]) for name in ("default", "video_processing")),
        *(TaskFilter(labels=labels) for labels in ({"team": "team-2"}, {"customer": "customer-200"})),
        TaskFilter(**window),  # type: ignore[arg-type]
        TaskFilter(statuses=[TaskStatus.FAILED], **window),  # type: ignore[arg-type]
        TaskFilter(labels={"team": "team-2"}, **window),  # type: ignore[arg-type]
        TaskFilter(statuses=[TaskStatus.CANCELLED], labels={"team": "team-2"}),
        TaskFilter(statuses=[TaskStatus.FAILED], task_types=["default"]),
    ]
