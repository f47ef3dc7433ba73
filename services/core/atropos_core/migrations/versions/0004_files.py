"""Files: uploads, and artifacts of tasks. Their contents are in a store; a row says what is there, or may be.

Older code runs on it: it knows nothing of files. Only tasks that it deletes leave their artifacts behind.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
-- A row is there before the first byte is in the store and until the last one is gone, so whatever a process that was
-- killed has left behind can be found.
CREATE TABLE IF NOT EXISTS files (
    id uuid PRIMARY KEY,
    -- The task that made it, and the claim that writes it; none for an upload. No foreign key, as with events.
    task_id uuid,
    fence bigint,
    -- 'writing': nobody sees it. 'ready': it is whole. 'doomed': its content is to be deleted, and once more after a
    -- while ('deleted'), should somebody who does not know yet have written it meanwhile.
    state text NOT NULL CHECK (state IN ('writing', 'ready', 'doomed', 'deleted')),
    name text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint,
    sha256 text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the sweep looks at it next, unless it is ready.
    look_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT files_known_when_ready CHECK (state <> 'ready' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL)),
    CONSTRAINT files_of_claims CHECK ((task_id IS NULL) = (fence IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS files_of_task ON files (task_id, name) WHERE state = 'ready' AND task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS files_uploaded ON files (created_at) WHERE state = 'ready' AND task_id IS NULL;
CREATE INDEX IF NOT EXISTS files_to_sweep ON files (look_at) WHERE state <> 'ready';
"""


def upgrade() -> None:
    """Make it."""
    op.execute(TABLES)
