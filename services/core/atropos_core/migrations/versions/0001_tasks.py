"""Tasks, their events, the processes that serve them, and statistics.

Revision ID: 0001
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    task_type text NOT NULL,
    queue text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    parameters jsonb NOT NULL,
    labels jsonb NOT NULL,
    attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_retries integer NOT NULL CHECK (max_retries >= 0),
    fence bigint NOT NULL DEFAULT 0,
    interruptions integer NOT NULL DEFAULT 0,
    timeout_seconds double precision CHECK (timeout_seconds > 0),
    progress double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    progress_message text,
    result jsonb,
    error jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    run_at timestamptz NOT NULL DEFAULT now(),
    dispatched_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    lease_expires_at timestamptz,
    cancel_requested_at timestamptz,
    worker text,
    idempotency_key text,
    idempotency_fingerprint text,
    traceparent text,
    CONSTRAINT tasks_leased_while_processing CHECK ((status = 'processing') = (lease_expires_at IS NOT NULL)),
    CONSTRAINT tasks_finished_when_ended
        CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
);
-- Waiting in PostgreSQL: the dispatcher's order.
CREATE INDEX tasks_due ON tasks (queue, priority, run_at, id) WHERE status = 'pending' AND dispatched_at IS NULL;
-- Handed to Redis: the reconciler's view.
CREATE INDEX tasks_dispatched ON tasks (queue, dispatched_at) WHERE status = 'pending' AND dispatched_at IS NOT NULL;
-- Running: the rescuer's view.
CREATE INDEX tasks_leased ON tasks (lease_expires_at) WHERE status = 'processing';
CREATE UNIQUE INDEX tasks_idempotency_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Lists: newest first within a state that is rare among old tasks, a type, or a label.
CREATE INDEX tasks_unsuccessful ON tasks (status, id) WHERE status IN ('failed', 'cancelled');
CREATE INDEX tasks_by_type ON tasks (task_type, id);
CREATE INDEX tasks_by_label ON tasks USING gin (labels jsonb_path_ops) WHERE labels <> '{}';

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL,
    type text NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_by_task ON events (task_id, id);

CREATE TABLE processes (
    id text PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('worker', 'dispatcher')),
    hostname text NOT NULL,
    pid integer NOT NULL,
    queues text[] NOT NULL DEFAULT '{}',
    slots integer NOT NULL DEFAULT 0,
    draining boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE statistics (
    minute timestamptz NOT NULL,
    task_type text NOT NULL,
    queue text NOT NULL,
    event text NOT NULL,
    count bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (minute, task_type, queue, event)
);

CREATE TABLE event_cursors (
    reader text PRIMARY KEY,
    event_id bigint NOT NULL
);
"""


def upgrade() -> None:
    """Make everything."""
    op.execute(TABLES)
