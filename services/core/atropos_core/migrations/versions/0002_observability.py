"""The span of a task's newest attempt, the lines that handlers log, and totals for metrics.

Older code runs on it: it neither writes nor reads what is new.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
-- The W3C traceparent of the newest attempt's span, so that the next attempt can link to it.
ALTER TABLE tasks ADD COLUMN attempt_traceparent text;

-- What handlers said with `ctx.log`. No foreign key, as with events.
CREATE TABLE task_logs (
    task_id uuid NOT NULL,
    -- The claim that wrote it. It grows when a drain gives the attempt back or a person starts again from attempt 1,
    -- so the key is the order of what happened.
    fence bigint NOT NULL,
    line integer NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL,
    message text NOT NULL,
    fields jsonb NOT NULL,
    PRIMARY KEY (task_id, fence, line)
);

-- The event log added up since the beginning, with the duration of each event sorted into buckets: the counters and
-- histograms of Prometheus.
CREATE TABLE totals (
    task_type text NOT NULL,
    queue text NOT NULL,
    event text NOT NULL,
    reason text NOT NULL,
    bucket smallint NOT NULL,
    count bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (task_type, queue, event, reason, bucket)
);
"""


def upgrade() -> None:
    """Make them."""
    op.execute(TABLES)
