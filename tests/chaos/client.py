"""The clients: they submit what was planned, ask again until they hear, cancel, and let failed tasks run again."""

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any

import httpx

from tests.chaos.evidence import Asked, CancelAnswer, Evidence
from tests.chaos.plan import Planned, Submission

#: An answer that takes longer is lost to the client.
ANSWER_SECONDS = 4.0
#: Between two tries.
PAUSE_SECONDS = 0.3
#: After the end of the load the last answers are waited for this long.
FINISH_SECONDS = 60.0


class Clients:
    """All clients, in one thread: `run` is its target. What they hear goes into the evidence."""

    def __init__(self, urls: Sequence[str], evidence: Evidence, stopping: threading.Event) -> None:
        self._urls = cycle(urls)
        self._evidence = evidence
        self._stopping = stopping
        self.sent = self.lost_answers = 0

    def run(self, planned: Iterable[Submission]) -> None:
        """Until all was sent and answered, or until told to stop: then what is under way is still answered."""
        asyncio.run(self._run(planned))

    async def _run(self, planned: Iterable[Submission]) -> None:
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=16)
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits) as self._http:
            began, under_way = time.monotonic(), set()
            for submission in planned:
                while (left := submission.at + began - time.monotonic()) > 0 and not self._stopping.is_set():
                    await asyncio.sleep(min(left, PAUSE_SECONDS))
                if self._stopping.is_set():
                    break
                under_way.add(asyncio.create_task(self._follow(submission)))
            if under_way:
                ended, silent = await asyncio.wait(under_way, timeout=FINISH_SECONDS)
                self._evidence.findings["clients"] += [f"{len(silent)} clients still wait"] if silent else []
                self._evidence.findings["clients"] += [repr(error) for task in ended if (error := task.exception())]

    async def _follow(self, submission: Submission) -> None:
        """One submission, from the request to what its client wants of its tasks later."""
        names = [f"{submission.key}-{number}" for number in range(len(submission.tasks))]
        batch = submission.key if submission.is_batch else None
        asked = [
            Asked(
                key,
                task.kind,
                batch,
                len(names),
                float(task.request.get("delay_seconds", 0)),
                tuple(names[place] for place in task.needs),
                task.request.get("on_dependency_failure"),
            )
            for key, task in zip(names, submission.tasks, strict=True)
        ]
        self._evidence.asked += asked
        bodies = [
            {**task.request, "labels": {"key": key, **({"batch": batch} if batch else {})}}
            for key, task in zip(names, submission.tasks, strict=True)
        ]
        if batch:
            ids = await self._submit("/tasks/batch", {"tasks": bodies}, batch, submission.gives_up)
        else:
            ids = await self._submit("/tasks", bodies[0], names[0], submission.gives_up)
        for one, task_id in zip(asked, ids, strict=False):
            one.task_ids.add(task_id)
        await asyncio.gather(*map(self._look_after, submission.tasks, ids))

    async def _submit(self, path: str, body: dict[str, Any], key: str, gives_up: bool) -> list[str]:
        while (answer := await self._post(path, body, {"Idempotency-Key": key})) is None:
            if gives_up:
                return []
            await asyncio.sleep(PAUSE_SECONDS)
        if not self._expect(answer, 202):
            return []
        return [task["task_id"] for task in answer.get("tasks", [answer])]

    async def _look_after(self, task: Planned, task_id: str) -> None:
        if task.cancel_after is not None:
            await asyncio.sleep(task.cancel_after)
            await self._cancel(task_id)
        if task.retried:
            await self._run_again(task_id)

    async def _cancel(self, task_id: str) -> None:
        while (answer := await self._post(f"/tasks/{task_id}/cancel")) is None:
            await asyncio.sleep(PAUSE_SECONDS)
        if self._expect(answer, 200, 409):
            status = answer["status"] if answer["code"] == 200 else answer["task_status"]
            self._evidence.cancels.append(CancelAnswer(task_id, status, time.time()))

    async def _run_again(self, task_id: str) -> None:
        """Once it has failed; the answer may get lost."""
        while not self._stopping.is_set():
            answer = await self._post(f"/tasks/{task_id}/retry")
            if answer is not None and self._expect(answer, 200, 409) and answer["code"] == 200:
                return
            await asyncio.sleep(1.0)

    async def _post(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """The answer with its `code`; None if it was lost or said that the database is away."""
        self.sent += 1
        try:
            answer = await self._http.post(next(self._urls) + path, json=body, headers=headers)
        except httpx.TransportError:
            self.lost_answers += 1
            return None
        if answer.status_code == 503:
            return None
        found = answer.json() if "json" in answer.headers.get("Content-Type", "") else {"text": answer.text[:200]}
        # A problem has its own `status`, a number, which is that of the answer.
        return {**found, "code": answer.status_code, "path": path}

    def _expect(self, answer: dict[str, Any], *codes: int) -> bool:
        """Whether it is one of these; any other answer is a finding."""
        if answer["code"] in codes:
            return True
        self._evidence.findings["answers"].append(f"{answer['path']} answered {answer}")
        return False
