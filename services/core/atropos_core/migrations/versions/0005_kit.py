"""Checkpoints of handlers, and limits on how many tasks run at once and how fast they start.

Older code runs on it: it neither writes nor reads what is new. An older dispatcher takes no task that waits for a
limit, since its `run_at` is far away; but it lets new ones pass, so limits hold once no older dispatcher runs.
Indexes are built CONCURRENTLY, so nobody waits for them; a try that was cut off is made anew.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
-- What handlers keep from one attempt to the next. No foreign key, as with events.
CREATE TABLE IF NOT EXISTS checkpoints (
    task_id uuid PRIMARY KEY,
    -- The claim that stored it.
    fence bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    value jsonb NOT NULL
);

-- {"key", "at_once"} and {"per_second", "burst"}, as the task's type had them when it was submitted; mostly none.
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS limits jsonb;
-- The limit that the task waits for, and when it was due: meanwhile run_at is far away.
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS held_for text;
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS held_run_at timestamptz;

-- How many more tasks of a type may start now: a token bucket.
CREATE TABLE IF NOT EXISTS rate_buckets (
    name text PRIMARY KEY,
    tokens double precision NOT NULL,
    at timestamptz NOT NULL
);
"""
#: Neither has an entry for a task without limits, and no column that a renewal or a report of progress changes.
INDEXES = (
    "DROP INDEX CONCURRENTLY IF EXISTS tasks_held",
    # Waiting for a limit: which limits, and who is first of each. Those that were let go come before those that wait.
    """CREATE INDEX CONCURRENTLY tasks_held ON tasks (queue, held_for, run_at, priority DESC, held_run_at, id)
       WHERE held_for IS NOT NULL AND status = 'pending' AND dispatched_at IS NULL""",
    "DROP INDEX CONCURRENTLY IF EXISTS tasks_at_once",
    # Handed out or running: how many of a key.
    """CREATE INDEX CONCURRENTLY tasks_at_once ON tasks ((limits ->> 'key'))
       WHERE limits ->> 'key' IS NOT NULL
         AND (status = 'processing' OR (status = 'pending' AND dispatched_at IS NOT NULL))
    """,
)


def upgrade() -> None:
    """Make them."""
    op.execute(TABLES)
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)
