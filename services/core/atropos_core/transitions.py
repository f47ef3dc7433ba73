"""Every change of a task, as one guarded SQL statement that changes the row and logs the event.

core/tasks.py runs them, dependencies.py those of dependents, logs.py and checkpoints.py the last two. `status` is
written nowhere else. Those that wait for the locks of several rows take them in the order of the ids, so that no two
wait for each other.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from atropos_core.lifecycle import HELD_UNTIL
from atropos_core.models import Task


def run(session: Session, statement: TextClause, **values: Any) -> Sequence[Task]:
    """The tasks that one of these statements changed."""
    rows = select(Task).from_statement(statement).execution_options(populate_existing=True)
    return session.scalars(rows, values).all()


def _logged(
    change: str, event: str, *, attempt: str = "attempt", data: str = "'{}'::jsonb", returning: str = "tasks.*"
) -> TextClause:
    """A statement that makes the change and logs one event for each changed row; it returns the rows."""
    return text(f"""
        WITH changed AS ({change} RETURNING {returning}),
        logged AS (
            INSERT INTO events (task_id, type, attempt, data)
            SELECT id, {event}, {attempt}, {data} FROM changed ORDER BY id
        )
        SELECT * FROM changed ORDER BY id""")


#: A worker's claim still holds. A zombie, whose task was rescued and claimed again, has an older fence.
HELD = "tasks.id = :task_id AND tasks.status = 'processing' AND tasks.fence = :fence"
#: What every statement that takes a task from its worker sets.
UNLEASED = "lease_expires_at = NULL"
#: Back to the dispatcher, due after :delay seconds; or to rest, if somebody asked for that meanwhile.
BACK_OR_CANCELLED = f"""
    status = CASE WHEN cancel_requested_at IS NULL THEN 'pending' ELSE 'cancelled' END,
    finished_at = CASE WHEN cancel_requested_at IS NULL THEN NULL::timestamptz ELSE now() END,
    run_at = now() + make_interval(secs => :delay), dispatched_at = NULL, {UNLEASED}"""
#: How long the attempt ran: as its worker measured it, if it did.
RAN = "'seconds', coalesce(CAST(:seconds AS float), extract(epoch FROM now() - started_at))"

#: The `run_at` of a task that waits.
FAR = f"timestamptz '{HELD_UNTIL:%Y-%m-%d} UTC'"
#: A task waits for others that it depends on.
WAITING = f"""(tasks.status = 'pending' AND tasks.run_at = {FAR} AND tasks.held_for IS NULL
               AND tasks.on_dependency_failure IS NOT NULL)"""
#: There is a task for which it has to wait on. One that was deleted had ended long before.
UNMET = """EXISTS (
    SELECT FROM task_dependencies JOIN tasks AS needed ON needed.id = task_dependencies.depends_on
    WHERE task_dependencies.task_id = tasks.id AND (needed.status IN ('pending', 'processing')
        OR (needed.status IN ('failed', 'cancelled') AND tasks.on_dependency_failure <> 'run')))"""

SUBMIT = _logged(
    f"""
    INSERT INTO tasks (id, task_type, queue, status, priority, parameters, labels, max_retries, timeout_seconds,
                       run_at, held_run_at, idempotency_key, idempotency_fingerprint, traceparent, limits,
                       on_dependency_failure, awaited)
    SELECT id, task_type, queue, 'pending', priority, parameters, labels, max_retries, timeout_seconds,
           CASE WHEN waits THEN {FAR} ELSE due_at END, CASE WHEN waits THEN due_at END,
           idempotency_key, idempotency_fingerprint, traceparent, limits, on_dependency_failure, awaited
    FROM jsonb_to_recordset(CAST(:drafts AS jsonb)) AS draft (
        id uuid, task_type text, queue text, priority smallint, parameters jsonb, labels jsonb,
        max_retries integer, timeout_seconds double precision, run_at timestamptz,
        delay_seconds double precision, idempotency_key text, idempotency_fingerprint text, traceparent text,
        limits jsonb, on_dependency_failure text, waits boolean, awaited boolean),
    LATERAL (SELECT greatest(coalesce(run_at, now() + make_interval(secs => delay_seconds)), now()) AS due_at) AS due
    ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING""",
    "'submitted'",
    returning="id, attempt, created_at, coalesce(held_run_at, run_at)",
)
DISPATCH = text("""
    UPDATE tasks SET dispatched_at = now(), held_for = NULL, held_run_at = NULL
    FROM (
        SELECT due.id FROM generate_series(9, 0, -1) AS level,
        LATERAL (
            SELECT id FROM tasks
            WHERE queue = :queue AND priority = level AND status = 'pending' AND dispatched_at IS NULL
              AND run_at <= now()
            ORDER BY run_at, id LIMIT :room FOR UPDATE SKIP LOCKED
        ) AS due
        LIMIT :room
    ) AS chosen
    WHERE tasks.id = chosen.id
    RETURNING tasks.*""")
REDISPATCH = _logged(
    """UPDATE tasks SET dispatched_at = NULL
       WHERE id = ANY(:task_ids) AND status = 'pending' AND dispatched_at IS NOT NULL""",
    "'redispatched'",
)
#: A task with limits is not claimed unless it was handed out just now: a message may come late, or twice.
CLAIMABLE = "status = 'pending' AND run_at <= now() AND (limits IS NULL OR dispatched_at IS NOT NULL)"
CLAIM = _logged(
    f"""UPDATE tasks SET status = 'processing', attempt = attempt + 1, fence = fence + 1, worker = :worker,
              started_at = now(), lease_expires_at = now() + make_interval(secs => :lease),
              progress = 0, progress_message = NULL, attempt_traceparent = due.traceparent
       FROM (
           SELECT tasks.id, wanted.traceparent
           FROM unnest(CAST(:task_ids AS uuid[]), CAST(:traceparents AS text[])) AS wanted (id, traceparent)
           JOIN tasks USING (id) WHERE {CLAIMABLE} ORDER BY id FOR UPDATE OF tasks
       ) AS due
       WHERE tasks.id = due.id AND {CLAIMABLE}""",
    "'started'",
    data="jsonb_build_object('worker', worker, 'seconds', extract(epoch FROM now() - run_at))",
    # A query reads the row as it was before its own update. Without tracing it is not even run.
    returning="""tasks.*, CASE WHEN due.traceparent IS NOT NULL THEN (
        SELECT before.attempt_traceparent FROM tasks AS before WHERE before.id = tasks.id
    ) END AS previous_traceparent""",
)
RENEW = text(f"""
    UPDATE tasks SET lease_expires_at = now() + make_interval(secs => :lease) WHERE {HELD}
    RETURNING tasks.*""")
PROGRESS = _logged(
    f"""UPDATE tasks SET lease_expires_at = now() + make_interval(secs => :lease),
               progress = :progress, progress_message = :message WHERE {HELD}""",
    "'progressed'",
    data="jsonb_build_object('progress', progress, 'message', progress_message)",
)
COMPLETE = _logged(
    f"""UPDATE tasks SET status = 'completed', result = CAST(run.result AS jsonb), progress = 1, error = NULL,
               progress_message = coalesce(run.message, progress_message), finished_at = now(), {UNLEASED}
        FROM (
            SELECT tasks.id, run.fence, run.result, run.seconds, run.message
            FROM unnest(CAST(:task_ids AS uuid[]), CAST(:fences AS bigint[]), CAST(:results AS text[]),
                        CAST(:seconds AS float[]), CAST(:messages AS text[]))
                 AS run (id, fence, result, seconds, message)
            JOIN tasks USING (id)
            WHERE tasks.status = 'processing' AND tasks.fence = run.fence ORDER BY id FOR UPDATE OF tasks
        ) AS run
        WHERE tasks.id = run.id AND tasks.status = 'processing' AND tasks.fence = run.fence""",
    "'completed'",
    data="jsonb_build_object('seconds', coalesce(ran, extract(epoch FROM now() - started_at)))",
    returning="tasks.*, run.seconds AS ran",
)
FAIL = _logged(
    f"""UPDATE tasks SET status = 'failed', finished_at = now(), {UNLEASED},
               error = CAST(:error AS jsonb) || jsonb_build_object('attempt', attempt) WHERE {HELD}""",
    "'failed'",
    data=f"jsonb_build_object('error', error, {RAN})",
)
RETRY_AT = _logged(
    f"""UPDATE tasks SET {BACK_OR_CANCELLED},
               error = CAST(:error AS jsonb) || jsonb_build_object('attempt', attempt) WHERE {HELD}""",
    "CASE status WHEN 'pending' THEN 'retry_scheduled' ELSE 'cancelled' END",
    data=f"jsonb_build_object('error', error, 'run_at', run_at, {RAN})",
)
RELEASE = _logged(
    f"""UPDATE tasks SET {BACK_OR_CANCELLED}, attempt = attempt - 1, interruptions = interruptions + 1,
               progress_message = coalesce(:message, progress_message), queue = coalesce(:queue, queue) WHERE {HELD}""",
    "CASE status WHEN 'pending' THEN 'interrupted' ELSE 'cancelled' END",
    attempt="attempt + 1",
    data=f"""jsonb_strip_nulls(jsonb_build_object('reason', CAST(:reason AS text), 'message', CAST(:message AS text),
                                                'queue', CAST(:queue AS text), 'run_at', run_at, {RAN}))""",
)
CONFIRM_CANCEL = _logged(
    f"UPDATE tasks SET status = 'cancelled', finished_at = now(), {UNLEASED} WHERE {HELD}",
    "'cancelled'",
    data=f"jsonb_build_object({RAN})",
)
RESCUE = _logged(
    """UPDATE tasks SET
           status = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                         WHEN attempt > max_retries THEN 'failed' ELSE 'pending' END,
           finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR attempt > max_retries THEN now() END,
           run_at = now(), dispatched_at = NULL, lease_expires_at = NULL,
           error = jsonb_build_object('reason', 'worker_lost', 'type', 'WorkerLost', 'attempt', attempt,
               'message', 'The lease of ' || coalesce(worker, 'the worker') || ' lapsed: it died or was cut off.',
               'traceback', NULL)
       WHERE id IN (
           SELECT id FROM tasks WHERE status = 'processing' AND lease_expires_at < now()
           ORDER BY lease_expires_at LIMIT :room FOR UPDATE SKIP LOCKED
       ) AND status = 'processing' AND lease_expires_at < now()""",
    "CASE status WHEN 'pending' THEN 'rescued' ELSE status END",
    data="jsonb_build_object('error', error, 'worker', worker, 'seconds', extract(epoch FROM now() - started_at))",
)
CANCEL = _logged(
    """UPDATE tasks SET
           status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END,
           finished_at = CASE status WHEN 'pending' THEN now() END,
           cancel_requested_at = CASE status WHEN 'processing' THEN now() END
       WHERE id IN (SELECT id FROM tasks WHERE id = ANY(:task_ids) ORDER BY id FOR UPDATE)
         AND (status = 'pending' OR (status = 'processing' AND cancel_requested_at IS NULL))""",
    "CASE status WHEN 'cancelled' THEN 'cancelled' ELSE 'cancel_requested' END",
)
#: Those that are :waiting are to wait for others again. Whoever depends on them is told of their next end.
RETRY = _logged(
    f"""UPDATE tasks SET status = 'pending', attempt = 0, error = NULL, progress = 0,
           progress_message = NULL, dispatched_at = NULL, finished_at = NULL, cancel_requested_at = NULL,
           run_at = CASE WHEN id = ANY(CAST(:waiting AS uuid[])) THEN {FAR} ELSE now() END,
           held_for = NULL, held_run_at = CASE WHEN id = ANY(CAST(:waiting AS uuid[])) THEN now() END,
           awaited = CASE WHEN awaited IS NOT NULL THEN true END
       WHERE id IN (SELECT id FROM tasks WHERE id = ANY(:task_ids) ORDER BY id FOR UPDATE)
         AND status IN ('failed', 'cancelled')""",
    "'retried'",
)
#: Tasks whose dependency has ended without success. It ran no attempt, so its event has neither seconds nor a reason.
END_DEPENDENT = _logged(
    f"""UPDATE tasks SET finished_at = now(),
           status = CASE tasks.on_dependency_failure WHEN 'fail' THEN 'failed' ELSE 'cancelled' END,
           error = jsonb_build_object('reason', 'permanent', 'type', 'dependency_failed', 'traceback', NULL,
               'attempt', tasks.attempt,
               'message', 'Task ' || ended.id || ', which it depends on, ended ' || ended.status || '.')
       FROM unnest(CAST(:task_ids AS uuid[]), CAST(:dependencies AS uuid[])) AS pair (task_id, depends_on)
       JOIN tasks AS ended ON ended.id = pair.depends_on AND ended.status IN ('failed', 'cancelled')
       WHERE tasks.id = pair.task_id AND {WAITING} AND tasks.on_dependency_failure <> 'run'""",
    "status",
    data="jsonb_build_object('dependency_failed', dependency)",
    returning="tasks.*, ended.id AS dependency",
)
#: It is due as it would have been, but not earlier than now: what it waited for others is no time in the queue.
LET_GO = _logged(
    f"""UPDATE tasks SET run_at = greatest(held_run_at, now()), held_run_at = NULL
        WHERE tasks.id = ANY(CAST(:task_ids AS uuid[])) AND {WAITING} AND NOT {UNMET}""",
    "'released'",
    data="jsonb_build_object('run_at', run_at)",
)
#: No change of the task, but guarded like one; the row's lock keeps a rescue from coming between guard and insert.
#: Where `fence` is ahead of `attempt`, an earlier run may have had the same attempt number: its lines are counted on.
KEEP_LINES = text(f"""
    WITH held AS (SELECT id, fence, attempt FROM tasks WHERE {HELD} FOR NO KEY UPDATE)
    INSERT INTO task_logs (task_id, fence, line, attempt, at, message, fields)
    SELECT held.id, held.fence, kept.number + CASE WHEN held.fence = held.attempt THEN 0 ELSE (
               SELECT coalesce(max(line), 0) FROM task_logs AS earlier
               WHERE earlier.task_id = held.id AND earlier.attempt = held.attempt AND earlier.fence < held.fence
           ) END, held.attempt, kept.at, kept.message, CAST(kept.fields AS jsonb)
    FROM held, jsonb_to_recordset(CAST(:lines AS jsonb)) AS kept (
        number integer, at timestamptz, message text, fields text)
    ON CONFLICT DO NOTHING""")
#: Guarded and locked likewise.
KEEP_CHECKPOINT = text(f"""
    WITH held AS (SELECT id, fence FROM tasks WHERE {HELD} FOR NO KEY UPDATE)
    INSERT INTO checkpoints (task_id, fence, value) SELECT id, fence, CAST(:value AS jsonb) FROM held
    ON CONFLICT (task_id) DO UPDATE SET fence = excluded.fence, at = excluded.at, value = excluded.value
    RETURNING task_id""")
