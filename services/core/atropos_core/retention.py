"""Deletes ended tasks whose time is over, with all that belongs to them. The worker's retention.py paces it.

No foreign key ties these rows, and no index is kept for them alone: ids are made from the time of creation, so a walk
through the tasks of one state in the order of their ids ends at those that are too young to be over.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core.lifecycle import TaskStatus
from atropos_core.settings import Settings
from atropos_core.task_lists import first_id

#: Tasks that one transaction looks at, and so deletes at most.
BATCH = 200
#: A batch takes milliseconds; one that takes this many seconds is given up, to be tried again.
BATCH_SECONDS = 10
#: Before the first id.
BEGINNING = UUID(int=0)

#: BETWEEN, as task_lists.py tells. What somebody holds is left for the next pass, and so is a task with
#: an event that was not added up: adding up looks at the task. One that others depend on is kept until they have ended.
_DELETE = text("""
    WITH seen AS MATERIALIZED (
        SELECT id FROM tasks WHERE status BETWEEN :state AND :state AND id > :after AND id < :before
        ORDER BY status, id LIMIT :batch
    ), done AS MATERIALIZED (
        SELECT tasks.id, tasks.finished_at, tasks.on_dependency_failure FROM tasks
        WHERE id IN (SELECT id FROM seen) AND status = :state
          AND finished_at < now() - make_interval(secs => :seconds)
          AND (awaited IS NULL OR (NOT awaited AND NOT EXISTS (
              SELECT FROM task_dependencies AS edge JOIN tasks AS dependent ON dependent.id = edge.task_id
              WHERE edge.depends_on = tasks.id AND dependent.status IN ('pending', 'processing'))))
          AND NOT EXISTS (SELECT FROM events WHERE events.task_id = tasks.id AND events.id > (
              SELECT coalesce(max(event_id), 0) FROM event_cursors WHERE reader = 'statistics'))
        FOR UPDATE SKIP LOCKED
    ), events_gone AS (
        DELETE FROM events USING done WHERE events.task_id = done.id
    ), lines_gone AS (
        DELETE FROM task_logs USING done WHERE task_logs.task_id = done.id
    ), files_doomed AS (
        UPDATE files SET state = 'doomed', look_at = now() FROM done
        WHERE files.task_id = done.id AND files.state = 'ready'
    ), checkpoints_gone AS (
        DELETE FROM checkpoints USING done WHERE checkpoints.task_id = done.id
    ), dependencies_gone AS (
        DELETE FROM task_dependencies USING done
        WHERE task_dependencies.task_id = done.id AND done.on_dependency_failure IS NOT NULL
    ), tasks_gone AS (
        DELETE FROM tasks USING done WHERE tasks.id = done.id
    )
    SELECT count(*), extract(epoch FROM now() - min(finished_at))::float, (SELECT id FROM seen ORDER BY id DESC LIMIT 1)
    FROM done""")


def kept_seconds(settings: Settings) -> dict[TaskStatus, float]:
    """For how long ended tasks are kept, in seconds; a state that is kept for ever is left out."""
    days = {
        TaskStatus.COMPLETED: settings.retention_completed_days,
        TaskStatus.FAILED: settings.retention_failed_days,
        TaskStatus.CANCELLED: settings.retention_cancelled_days,
    }
    return {state: kept * 86_400 for state, kept in days.items() if kept is not None}


@dataclass(frozen=True)
class Batch:
    """What one transaction did: tasks that it deleted, for how long (in s) the oldest was over, if it is the last."""

    deleted: int
    late: float
    last: bool


class Pass:
    """One walk through the ended tasks of a state, oldest first. One transaction for each batch."""

    def __init__(self, state: TaskStatus, seconds: float) -> None:
        """Tasks are over `seconds` after their end."""
        self._state, self._seconds, self._after = state, seconds, BEGINNING
        self._before = first_id(datetime.now(UTC) - timedelta(seconds=seconds), timedelta(0))

    def delete_batch(self, session: Session) -> Batch:
        """Delete those of the next tasks that are over. Raises OperationalError when that takes too long."""
        session.execute(text(f"SET LOCAL statement_timeout = '{BATCH_SECONDS}s'"))
        values = {"state": self._state, "seconds": self._seconds, "after": self._after, "before": self._before}
        deleted, oldest, last_id = session.execute(_DELETE, {**values, "batch": BATCH}).one()
        self._after = last_id or self._after
        return Batch(deleted, 0.0 if oldest is None else oldest - self._seconds, last_id is None)
