"""Stores single submissions: those that arrive while a transaction is under way share the next one."""

import asyncio
import contextvars
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import DataError
from starlette.concurrency import run_in_threadpool

from atropos_core import tasks
from atropos_core.db import Database
from atropos_core.drafts import Submitted, TaskDraft
from atropos_core.events import Hints
from atropos_core.models import Task

#: Stored in one transaction at most.
MAXIMUM_TOGETHER = 200


def _future() -> "asyncio.Future[Submitted]":
    return asyncio.get_running_loop().create_future()


@dataclass(frozen=True)
class _Waiting:
    draft: TaskDraft
    stored: "asyncio.Future[Submitted]" = field(default_factory=_future)
    #: Of the request, so that its trace has the statements.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class Submitter:
    """Group commit, as databases do it for their log: under load a commit is shared, alone nobody waits.

    Belongs to one event loop.
    """

    def __init__(self, database: Database, hints: Hints) -> None:
        self._database = database
        self._hints = hints
        self._waiting: list[_Waiting] = []
        self._storing: asyncio.Task[None] | None = None

    async def submit(self, draft: TaskDraft) -> Submitted | Task:
        """The draft once it is stored and committed, or the task that its idempotency key made before.

        Raises IdempotencyKeyReused when the key came with another request before, and DependencyNotFound.
        """
        if draft.idempotency_key is not None or draft.depends_on:
            # It may have to wait for another transaction with the same key, or for the rows of tasks that it depends
            # on: nobody else shall wait with it.
            return await run_in_threadpool(self._store_once, draft)
        waiting = _Waiting(draft)
        self._waiting.append(waiting)
        self._go_on()
        return await waiting.stored

    def _go_on(self) -> None:
        if self._storing is None and self._waiting:
            together, self._waiting = self._waiting[:MAXIMUM_TOGETHER], self._waiting[MAXIMUM_TOGETHER:]
            self._storing = asyncio.get_running_loop().create_task(self._store(together), context=together[0].context)

    async def _store(self, together: Sequence[_Waiting]) -> None:
        try:
            await self._store_all(together)
        finally:
            self._storing = None
            self._go_on()

    async def _store_all(self, together: Sequence[_Waiting]) -> None:
        try:
            stored = await run_in_threadpool(self._write, [waiting.draft for waiting in together])
        except DataError as error:
            # One of them holds what PostgreSQL cannot: the others are none the worse for it.
            if len(together) == 1:
                _fail(together, error)
                return
            for waiting in together:
                await self._store_all([waiting])
        except Exception as error:
            _fail(together, error)
        else:
            for waiting, submitted in zip(together, stored, strict=True):
                if not waiting.stored.done():
                    waiting.stored.set_result(submitted)

    def _write(self, drafts: Sequence[TaskDraft]) -> Sequence[Submitted]:
        with self._database.transaction() as session:
            stored = tasks.submit(session, drafts)
        self._hints.changed((submitted.id for submitted in stored), wake=True)
        return stored

    def _store_once(self, draft: TaskDraft) -> Submitted | Task:
        with self._database.transaction() as session:
            [stored] = tasks.submit_once(session, [draft])
        if isinstance(stored, Submitted):
            self._hints.changed([stored.id], wake=True)
        return stored


def _fail(together: Sequence[_Waiting], error: Exception) -> None:
    for waiting in together:
        if not waiting.stored.done():
            waiting.stored.set_exception(error)
