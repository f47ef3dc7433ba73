"""Calls about tasks: submit, look, cancel, retry."""

import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack, cast

from atropos_client.documents import (
    BulkResult,
    File,
    Filter,
    LogPage,
    State,
    Submission,
    SubmitOptions,
    Task,
    TaskGraph,
    TaskPage,
    TaskResult,
    TaskStatus,
    TaskSummary,
    TaskType,
)
from atropos_client.errors import ProblemError
from atropos_client.requests import Id, Requests, path_of

#: Tasks on a page that is only one of many: as many as the API gives.
PAGE = 1000


class TaskCalls(Requests):
    """The calls about tasks and the service."""

    async def submit(
        self,
        task_type: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[SubmitOptions],
    ) -> TaskSummary:
        """Submit a task. It is stored once this returns.

        The idempotency key, ours unless one is given, makes it safe to send the request again in an outage.
        """
        body = {"task_type": task_type, "parameters": parameters or {}, **_plain(options)}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        answer = await self._request("POST", "/tasks", json=body, headers=headers, repeatable=True)
        return cast(TaskSummary, answer)

    async def submit_many(
        self, submissions: Iterable[Submission], *, idempotency_key: str | None = None
    ) -> Sequence[TaskSummary]:
        """Submit up to 10,000 tasks at once, all or none; returns them in the same order.

        The idempotency key, ours unless one is given, makes it safe to send the request again in an outage.
        """
        body = {"tasks": [*map(_plain, submissions)]}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        answer = await self._request("POST", "/tasks/batch", json=body, headers=headers, repeatable=True)
        return cast(Sequence[TaskSummary], answer["tasks"])

    async def get_task(self, task_id: Id) -> Task:
        """The task, whole."""
        return cast(Task, await self._request("GET", path_of("tasks", task_id)))

    async def get_status(self, task_id: Id) -> TaskStatus:
        """Where the task stands."""
        return cast(TaskStatus, await self._request("GET", path_of("tasks", task_id, "status")))

    async def result(self, task_id: Id) -> TaskResult:
        """Result or error of a task that has ended; a ProblemError of status 409 before."""
        return cast(TaskResult, await self._request("GET", path_of("tasks", task_id, "result")))

    async def graph(self, task_id: Id) -> TaskGraph:
        """All tasks that it depends on or that depend on it, directly or over others; at most 500."""
        return cast(TaskGraph, await self._request("GET", path_of("tasks", task_id, "graph")))

    async def artifacts(self, task_id: Id) -> Sequence[File]:
        """The files that a completed task has made; none of another."""
        return (await self.get_task(task_id)).get("artifacts", [])

    async def log_page(self, task_id: Id, query: Mapping[str, Any] | None = None) -> LogPage:
        """One page of what the task's handler logged, oldest first."""
        return cast(LogPage, await self._request("GET", path_of("tasks", task_id, "logs"), params=query))

    async def list_page(self, query: Mapping[str, Any] | None = None) -> TaskPage:
        """One page of tasks, newest first; the query has the names of `GET /tasks`."""
        return cast(TaskPage, await self._request("GET", "/tasks", params=query))

    async def list(
        self,
        *,
        status: Iterable[State] = (),
        task_type: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
    ) -> AsyncGenerator[TaskSummary, None]:
        """All tasks that match, newest first, page after page. Values of one condition are alternatives; labels not."""
        query: dict[str, Any] = {
            "limit": PAGE,
            "status": [*status],
            "task_type": [*task_type],
            "label": [f"{name}={value}" for name, value in (labels or {}).items()],
        }
        window = {"created_from": created_from, "created_before": created_before}
        query |= {name: moment.astimezone().isoformat() for name, moment in window.items() if moment}
        while True:
            page = await self.list_page(query)
            for task in page["tasks"]:
                yield task
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    async def cancel(self, task_id: Id) -> TaskSummary:
        """Cancel a task that waits, or ask one that runs to stop; a ProblemError of status 409 when it has ended."""
        return cast(TaskSummary, await self._request("POST", path_of("tasks", task_id, "cancel")))

    async def retry(self, task_id: Id) -> TaskSummary:
        """Let a failed or cancelled task run again; a ProblemError of status 409 for another."""
        return cast(TaskSummary, await self._request("POST", path_of("tasks", task_id, "retry")))

    async def cancel_matching(self, conditions: Filter, *, dry_run: bool = False) -> BulkResult:
        """Cancel up to 10,000 tasks that match and have not ended, or only count them."""
        return await self._change_matching("cancel", conditions, dry_run)

    async def retry_matching(self, conditions: Filter, *, dry_run: bool = False) -> BulkResult:
        """Let up to 10,000 failed and cancelled tasks that match run again, or only count them."""
        return await self._change_matching("retry", conditions, dry_run)

    async def _change_matching(self, verb: str, conditions: Filter, dry_run: bool) -> BulkResult:
        body = {"filter": conditions, "dry_run": dry_run}
        return cast(BulkResult, await self._request("POST", f"/tasks/{verb}", json=body, repeatable=dry_run))

    async def _cancel_all(self, task_ids: Sequence[str]) -> None:
        """Cancel those that have not ended; to ask twice does no harm, as nobody looks at the counts."""
        await self._request("POST", "/tasks/cancel", json={"filter": {"task_ids": task_ids}}, repeatable=True)

    async def task_types(self) -> Sequence[TaskType]:
        """What can be submitted."""
        return cast(Sequence[TaskType], (await self._request("GET", "/task-types"))["task_types"])

    async def workers(self) -> dict[str, Any]:
        """The `workers` that live, and what each runs."""
        return cast(dict[str, Any], await self._request("GET", "/workers"))

    async def health(self) -> dict[str, Any]:
        """How the service is; an answer too when it cannot take tasks."""
        try:
            return cast(dict[str, Any], await self._request("GET", "/health"))
        except ProblemError as error:
            if "database" in error.problem:
                return error.problem
            raise


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON takes it: ids as text."""
    plain = dict(options)
    if "depends_on" in plain:
        plain["depends_on"] = [str(each) if isinstance(each, uuid.UUID) else each for each in plain["depends_on"]]
    return plain
