"""An index for every list by state and for retention, and an autovacuum that keeps up with large tables.

Older code runs on it: its lists by state, and its look for lapsed leases, find their tasks in the new index.
Indexes are built and dropped CONCURRENTLY, so nobody waits for them; a try that was cut off is made anew.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"

INDEXES = (
    "DROP INDEX CONCURRENTLY IF EXISTS tasks_by_status",
    # Lists of one state, newest or oldest first, whatever share of all tasks it is; the walk of retention; and the
    # running tasks of the rescuer, of which there are no more than slots.
    "CREATE INDEX CONCURRENTLY tasks_by_status ON tasks (status, id)",
    # It is a part of tasks_by_status.
    "DROP INDEX CONCURRENTLY IF EXISTS tasks_unsuccessful",
    # With lease_expires_at in no index, a renewal or a progress report touches none (HOT): nearly all were seen to be
    # so, even at the default fillfactor of 100, since the page of a running task has room left by its older versions.
    "DROP INDEX CONCURRENTLY IF EXISTS tasks_leased",
)
SETTINGS = """
ALTER TABLE tasks SET (
    -- A task leaves two or three dead versions. By default a fifth of the table would be dead before a vacuum.
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    -- Queues are counted in an index alone where the pages of waiting tasks are known to be visible to all.
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 10000,
    -- The share of pending tasks, which plans depend on, changes from none to most within minutes.
    autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000
);
-- Only retention leaves dead rows here: the room of old events is used again before new ones need more.
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
ALTER TABLE task_logs SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000)
"""


def upgrade() -> None:
    """Build, drop, set."""
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)
    op.execute(SETTINGS)
