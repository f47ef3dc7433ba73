"""Tasks that ended in the past, for the tests of retention."""

from datetime import UTC, datetime, timedelta
from random import getrandbits
from uuid import UUID

from atropos_core import checkpoints, logs, tasks
from atropos_core.events import EventHorizon
from atropos_core.lifecycle import TaskStatus
from atropos_core.logs import Line
from atropos_core.retention import Pass
from atropos_core.statistics import add_up_events
from atropos_core.task_lists import first_id
from atropos_core.tasks import Completion
from tests.domain import FAILURE, Domain
from tests.stack import Stack

DAY = 86_400.0


class History:
    """Tasks that ended in the past."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.domain = Domain(stack)

    def ended(self, state: str = "completed", *, days: float = 10, created: float | None = None) -> UUID:
        """A task with events and a line that ended so many days ago; it was created then, too, or even before."""
        age = timedelta(days=days if created is None else created)
        task_id = UUID(int=first_id(datetime.now(UTC) - age, timedelta(0)).int + getrandbits(62))
        self.domain.submitted(id=task_id)
        claim = self.domain.claimed(task_id)
        line = Line(number=1, at=datetime.now(UTC), message="hello", fields="{}")
        self.domain.do(lambda session: logs.keep(session, claim, [line]))
        self.domain.do(lambda session: checkpoints.keep(session, claim, "1"))
        if state == "completed":
            self.domain.do(lambda session: tasks.complete(session, [Completion(claim=claim, result="{}")]))
        elif state == "failed":
            self.domain.do(lambda session: tasks.fail(session, claim, FAILURE))
        else:
            self.domain.do(lambda session: tasks.confirm_cancel(session, claim))
        self.stack.sql(
            "UPDATE tasks SET finished_at = now() - make_interval(secs => %s) WHERE id = %s", days * DAY, task_id
        )
        return task_id

    def many(self, count: int) -> None:
        """Completed tasks of ten days ago, added up."""
        self.stack.sql(
            """INSERT INTO tasks (id, task_type, queue, status, priority, parameters, labels, max_retries, finished_at)
               SELECT uuidv7(interval '-10 days'), 'default', 'default', 'completed', 5, '{}', '{}', 0,
                      now() - interval '10 days' FROM generate_series(1, %s)""",
            count,
        )

    def add_up(self) -> None:
        horizon = EventHorizon()
        last = self.stack.sql("SELECT max(id) FROM events")[0][0]
        self.domain.do(lambda session: add_up_events(session, horizon))
        assert self.stack.sql("SELECT event_id >= %s FROM event_cursors", last)[0][0]

    def deleted(self, state: TaskStatus = TaskStatus.COMPLETED, *, days: float = 5) -> int:
        """What one pass deletes."""
        walk, total = Pass(state, days * DAY), 0
        while True:
            batch = self.domain.do(walk.delete_batch)
            total += batch.deleted
            if batch.last:
                return total

    def left(self) -> set[UUID]:
        return {row[0] for row in self.stack.sql("SELECT id FROM tasks")}
