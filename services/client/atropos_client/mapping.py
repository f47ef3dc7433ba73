"""`map`: one task for each of many parameters, a bounded number of them at a time."""

import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Unpack

from atropos_client.documents import ENDED, SubmitOptions, Task, TaskStatus, TaskSummary
from atropos_client.errors import AtroposError, raise_unsuccessful
from atropos_client.tasks import TaskCalls

#: Seconds between two looks at the tasks that have not ended; between these, by how often one ends.
SHORTEST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
#: Ids in the query of one request; gateways take 8 KiB of it.
IDS_OF_LIST = 100
#: Ids that one bulk call takes.
IDS_OF_CANCEL = 10_000

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class MapProgress:
    """How far a map is."""

    #: Tasks to run in all; None when the parameters do not tell their number.
    total: int | None
    submitted: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def ended(self) -> int:
        """Tasks that have ended in any way."""
        return self.completed + self.failed + self.cancelled


class MapCalls(TaskCalls):
    """The call that runs many tasks."""

    async def map(
        self,
        task_type: str,
        parameters: Iterable[Parameters] | AsyncIterable[Parameters],
        *,
        concurrency: int = 16,
        ordered: bool = True,
        check: bool = True,
        on_progress: Callable[[MapProgress], None] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> AsyncGenerator[Task, None]:
        """Run a task for each of the parameters, and yield the tasks, whole, once they have ended.

        In the order of the parameters, or as they end if `ordered` is false. At most `concurrency` of them are
        submitted and have not ended, and parameters are taken only when there is room for their task. Raises
        TaskFailed or TaskCancelled for the first that did not complete, unless `check` is false. When the caller
        stops, or an error ends the map, the tasks that have not ended are cancelled.
        """
        run = _Run(self, task_type, options, _total(parameters), on_progress)
        source = _each(parameters)
        more = True
        try:
            while True:
                while more and len(run.outstanding) < concurrency:
                    more = await run.submit_next(source)
                if (task_id := run.take_next(ordered=ordered)) is not None:
                    task = await self.get_task(task_id)
                    if check:
                        raise_unsuccessful(task)
                    yield task
                elif run.outstanding:
                    await run.look()
                else:
                    return
        finally:
            await run.cancel()


class _Run:
    """The tasks of one map."""

    def __init__(
        self,
        calls: TaskCalls,
        task_type: str,
        options: SubmitOptions,
        total: int | None,
        on_progress: Callable[[MapProgress], None] | None,
    ) -> None:
        self._calls = calls
        self._task_type = task_type
        self._options = options
        self._on_progress = on_progress
        self._progress = MapProgress(total)
        self._pause = SHORTEST_PAUSE_SECONDS
        #: Ids of tasks that have not ended, and of those that have and were not taken; both in order.
        self.outstanding: dict[str, None] = {}
        self._ended: deque[str] = deque()
        #: All that were not taken, in the order of the parameters.
        self._submitted: dict[str, None] = {}

    async def submit_next(self, source: AsyncIterator[Parameters]) -> bool:
        """Submit a task with the next parameters; false when there are none."""
        try:
            parameters = await anext(source)
        except StopAsyncIteration:
            return False
        key = str(uuid.uuid4())
        try:
            await self._submit(parameters, key)
        except AtroposError:
            raise
        except BaseException:
            # Interrupted: whether it was stored, and under which id, only the same request tells.
            await self._submit(parameters, key)
            raise
        self._tell(submitted=self._progress.submitted + 1)
        return True

    async def _submit(self, parameters: Parameters, key: str) -> None:
        task = await self._calls.submit(self._task_type, parameters, idempotency_key=key, **self._options)
        self.outstanding[task["task_id"]] = self._submitted[task["task_id"]] = None

    def take_next(self, *, ordered: bool) -> str | None:
        """The id of the next task to yield; None when it has not ended."""
        if ordered:
            first = next(iter(self._submitted), None)
            if first in self.outstanding:
                return None
        else:
            first = self._ended.popleft() if self._ended else None
        if first is not None:
            del self._submitted[first]
        return first

    async def look(self) -> None:
        """Pause, and find out which tasks have ended."""
        await self._calls._sleep(self._pause)
        ended: list[TaskSummary | TaskStatus] = []
        for ids in _portions([*self.outstanding], IDS_OF_LIST):
            page = await self._calls.list_page({"task_id": ids, "limit": IDS_OF_LIST})
            found = {task["task_id"]: task for task in page["tasks"]}
            for task_id in ids:
                # One that the list has not was deleted, which is an error, or the API is older than that filter.
                task = found.get(task_id) or await self._calls.get_status(task_id)
                if task["status"] in ENDED:
                    ended.append(task)
        pause = self._pause / 2 if ended else self._pause * 2
        self._pause = min(max(pause, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        if ended:
            self._note(
                sorted(ended, key=lambda task: datetime.fromisoformat(task["finished_at"] or task["created_at"]))
            )

    def _note(self, ended: Sequence[TaskSummary | TaskStatus]) -> None:
        for task in ended:
            del self.outstanding[task["task_id"]]
            self._ended.append(task["task_id"])
        states = [task["status"] for task in ended]
        self._tell(
            completed=self._progress.completed + states.count("completed"),
            failed=self._progress.failed + states.count("failed"),
            cancelled=self._progress.cancelled + states.count("cancelled"),
        )

    def _tell(self, **counts: int) -> None:
        self._progress = replace(self._progress, **counts)
        if self._on_progress:
            self._on_progress(self._progress)

    async def cancel(self) -> None:
        """Cancel what has not ended."""
        for ids in _portions([*self.outstanding], IDS_OF_CANCEL):
            await self._calls._cancel_all(ids)


def _portions(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _total(parameters: object) -> int | None:
    return len(parameters) if isinstance(parameters, Sized) else None


async def _each(parameters: Iterable[Parameters] | AsyncIterable[Parameters]) -> AsyncIterator[Parameters]:
    if isinstance(parameters, AsyncIterable):
        async for one in parameters:
            yield one
    else:
        for one in parameters:
            yield one
