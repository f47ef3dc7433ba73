"""Tasks that depend on other tasks.

Older code runs on it: it neither writes nor reads what is new. An older dispatcher takes no task that waits for others,
since its `run_at` is far away, and lets none go; how a task ended is noticed by a newer one, whoever wrote it.
Indexes are built CONCURRENTLY, so nobody waits for them; a try that was cut off is made anew.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
-- No foreign keys, as with events.
CREATE TABLE IF NOT EXISTS task_dependencies (
    task_id uuid NOT NULL,
    -- The task that is to end first.
    depends_on uuid NOT NULL,
    PRIMARY KEY (task_id, depends_on)
);
CREATE INDEX IF NOT EXISTS task_dependencies_backwards ON task_dependencies (depends_on, task_id);

-- 'fail', 'cancel' or 'run': what becomes of a task when one that it depends on ends without success; mostly none.
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS on_dependency_failure text;
-- Whether tasks that depend on this one are still to be told of its end; none where nothing ever depended on it.
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS awaited boolean;
"""
INDEXES = (
    "DROP INDEX CONCURRENTLY IF EXISTS tasks_awaited",
    # Ended, and its dependents not told yet: what the dispatcher asks for in each round. Others have no entry, and no
    # outcome has a column more to look at.
    """CREATE INDEX CONCURRENTLY tasks_awaited ON tasks (id)
       WHERE awaited AND status IN ('completed', 'failed', 'cancelled')""",
)


def upgrade() -> None:
    """Make them."""
    op.execute(TABLES)
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)
