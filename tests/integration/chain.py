"""Tasks that depend on others, on a real database, for the tests of who waits and who is let go."""

from typing import Any
from uuid import UUID

from atropos_core import dependencies, tasks
from atropos_core.drafts import TaskDraft
from atropos_core.lifecycle import DependencyFailure, TaskStatus
from atropos_core.models import Event
from tests.domain import FAILURE, Domain, complete

FAIL, CANCEL, RUN = DependencyFailure.FAIL, DependencyFailure.CANCEL, DependencyFailure.RUN


class Chain(Domain):
    """Tasks that depend on others, and a dispatcher that tells them."""

    def after(self, *needed: UUID, on_failure: DependencyFailure = CANCEL, **draft: Any) -> UUID:
        return self.submitted(depends_on=list(needed), on_dependency_failure=on_failure, **draft).id

    def end(self, task_id: UUID, state: TaskStatus = TaskStatus.COMPLETED) -> None:
        """Run it to this end; nobody is told yet."""
        if state is TaskStatus.CANCELLED:
            self.do(lambda session: tasks.cancel(session, [task_id]))
            return
        claim = self.claimed(task_id)
        if state is TaskStatus.COMPLETED:
            self.do(lambda session: complete(session, claim, "1"))
        else:
            self.do(lambda session: tasks.fail(session, claim, FAILURE))

    def tell(self) -> list[UUID]:
        """The ids that change until nobody is left to be told."""
        changed: list[UUID] = []
        while (told := self.do(dependencies.tell)).more:
            changed += [task.id for task in told.tasks]
        return changed

    def waits(self, task_id: UUID) -> bool:
        return self.task(task_id).waits_for_tasks

    def status(self, task_id: UUID) -> TaskStatus:
        return self.task(task_id).status

    def last_event(self, task_id: UUID) -> Event:
        found = self.do(lambda s: s.query(Event).filter(Event.task_id == task_id).order_by(Event.id.desc()).first())
        assert found is not None
        return found


def draft(*needed: UUID, on_failure: DependencyFailure = CANCEL) -> TaskDraft:
    return TaskDraft(
        task_type="default",
        queue="default",
        parameters={},
        depends_on=needed or None,
        on_dependency_failure=on_failure if needed else None,
    )
