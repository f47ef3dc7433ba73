"""What can go wrong with a call; all are AtroposError."""

from typing import Any

import httpx

from atropos_client.documents import Task, TaskError

#: What a gateway answers for an API that restarts, and the API for a database that does.
TEMPORARY = frozenset({502, 503, 504})


class AtroposError(Exception):
    """The base of all errors of this package."""

    #: The same call may succeed a little later.
    temporary = False
    #: Seconds after which to try again, as the API said.
    retry_after: float | None = None
    #: The API cannot have seen the request.
    unsent = False


class ApiUnreachable(AtroposError):
    """Nothing that speaks the Atropos API answers at the address; the message says why."""

    def __init__(self, message: str, *, temporary: bool = False, unsent: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary
        self.unsent = unsent


class StreamUnavailable(AtroposError):
    """What answered is no event stream, though the API is there: something between does not let it through."""


class ProblemError(AtroposError):
    """The API refused the request, with an RFC 9457 problem document."""

    def __init__(self, status: int, problem: dict[str, Any], *, retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.title = str(problem.get("title") or httpx.codes.get_reason_phrase(status) or status)
        self.detail = str(problem.get("detail") or "")
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        self.temporary = status in TEMPORARY
        self.retry_after = retry_after
        super().__init__(f"{self.title}: {self.detail}" if self.detail else self.title)


class WaitTimeout(AtroposError):
    """The time to wait was over; the task goes on."""


class ChecksumMismatch(AtroposError):
    """What arrived is not what was sent; nothing of it was kept."""


class TaskUnsuccessful(AtroposError):
    """The task has ended without a result; `task` is the whole of it."""

    def __init__(self, task: Task, message: str) -> None:
        super().__init__(message)
        self.task = task
        self.error: TaskError | None = task["error"]


class TaskFailed(TaskUnsuccessful):
    """The task failed; `error` says why."""


class TaskCancelled(TaskUnsuccessful):
    """The task was cancelled."""


def raise_unsuccessful(task: Task) -> None:
    """Raise TaskFailed or TaskCancelled for a task that has not completed."""
    if task["status"] == "failed":
        error = task["error"]
        why = f"{error['type']}: {error['message']} (attempt {error['attempt']})" if error else "no error is known"
        raise TaskFailed(task, f"task {task['task_id']} failed: {why}")
    if task["status"] == "cancelled":
        error = task["error"]
        # Of another type it is that of an attempt before the cancel.
        why = f": {error['message']}" if error and error["type"] == "dependency_failed" else ""
        raise TaskCancelled(task, f"task {task['task_id']} was cancelled{why}")
