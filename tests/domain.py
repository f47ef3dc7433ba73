"""Transitions on a real database, one at a time or held open, for the tests of their guards."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core import queries, tasks
from atropos_core.drafts import TaskDraft
from atropos_core.events import read_task_events
from atropos_core.lifecycle import EventType, FailureReason
from atropos_core.models import Task
from atropos_core.tasks import Claim, Completion, Failure
from tests.stack import Stack

Result = TypeVar("Result")
FAILURE = Failure(reason=FailureReason.ERROR, type="ValueError", message="no", traceback="Traceback …")


class Domain:
    """Transitions, each in a transaction of its own."""

    def __init__(self, stack: Stack) -> None:
        self.database = stack.database

    def do(self, change: Callable[[Session], Result]) -> Result:
        with self.database.transaction() as session:
            return change(session)

    def submitted(self, **draft: object) -> Task:
        made = TaskDraft(task_type="default", queue="default", parameters={}, **draft)  # type: ignore[arg-type]
        self.do(lambda session: tasks.submit(session, [made]))
        return self.task(made.id)

    def claimed(self, task_id: UUID, *, lease: float = 30.0) -> Claim:
        task = self.do(lambda session: claim(session, task_id, lease=lease))
        assert task is not None
        return Claim(task_id=task.id, fence=task.fence)

    def task(self, task_id: UUID) -> Task:
        return self.do(lambda session: queries.get_task(session, task_id))

    def events(self, task_id: UUID) -> list[EventType]:
        return [event.type for event in self.do(lambda session: read_task_events(session, task_id))]

    def expire(self, task_id: UUID) -> None:
        lapse = text("UPDATE tasks SET lease_expires_at = now() - interval '1 s' WHERE id = :id")
        self.do(lambda session: session.execute(lapse, {"id": task_id}))


def claim(session: Session, task_id: UUID, *, lease: float = 30) -> Task | None:
    """The task, if it was to be had."""
    claimed = tasks.claim(session, {task_id: None}, worker="w", lease=lease)
    return claimed[0][0] if claimed else None


def complete(session: Session, claim: Claim, result: str) -> Task | None:
    """The task, if the claim held."""
    completed = tasks.complete(session, [Completion(claim=claim, result=result)])
    return completed[0] if completed else None


@contextmanager
def held_open(domain: Domain, change: Callable[[Session], object]) -> Iterator[threading.Event]:
    """The change is made in a transaction that stays open until the event is set."""
    made, finish = threading.Event(), threading.Event()

    def hold() -> None:
        with domain.database.transaction() as session:
            change(session)
            made.set()
            finish.wait(30)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert made.wait(30)
        try:
            yield finish
        finally:
            finish.set()
            holding.result(30)


def blocked(domain: Domain) -> bool:
    """Whether some statement waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(domain.do(lambda session: session.scalar(waiting)))
