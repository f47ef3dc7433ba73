"""What the API answers and takes, as typed dictionaries: its JSON as it is, so that fields of a newer API are kept."""

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, Required, TypedDict
from uuid import UUID

State = Literal["pending", "processing", "completed", "failed", "cancelled"]
#: What becomes of a task when one that it depends on ends failed or cancelled.
DependencyFailure = Literal["fail", "cancel", "run"]
#: States that a task leaves only when somebody lets it run again.
ENDED = frozenset({"completed", "failed", "cancelled"})


class File(TypedDict):
    """An upload, or an artifact of a task."""

    file_id: str
    name: str
    media_type: str
    size_bytes: int
    #: In hexadecimal digits.
    sha256: str
    created_at: str
    #: The task whose artifact it is; null for an upload.
    task_id: str | None


class TaskError(TypedDict):
    """Why the last attempt ended without a result."""

    reason: str
    type: str
    message: str
    traceback: str | None
    attempt: int


class _TaskState(TypedDict):
    task_id: str
    task_type: str
    status: State
    attempt: int
    max_retries: int
    progress: float
    progress_message: str | None
    created_at: str
    run_at: str | None
    started_at: str | None
    finished_at: str | None
    cancel_requested_at: str | None


class NeededTask(TypedDict):
    """A task that another one waits for."""

    task_id: str
    task_type: str
    status: State


class TaskStatus(_TaskState):
    """Where a task stands."""

    queue_position: int | None
    waiting_for: NotRequired[list[NeededTask]]


class TaskSummary(_TaskState):
    """A task without its parameters and result."""

    queue: str
    priority: int
    labels: dict[str, str]
    timeout_seconds: float | None
    interruptions: int
    worker: str | None


class Task(TaskSummary):
    """A task, whole."""

    trace_id: str | None
    parameters: dict[str, Any]
    result: Any
    error: TaskError | None
    artifacts: NotRequired[list[File]]
    depends_on: NotRequired[list[str]]
    on_dependency_failure: NotRequired[DependencyFailure | None]
    #: The first 100 tasks that depend on it.
    dependents: NotRequired[list[str]]


class TaskNode(NeededTask):
    """A task of a graph."""

    progress: float


class TaskEdge(TypedDict):
    """One task depends on another."""

    task_id: str
    depends_on: str


class TaskGraph(TypedDict):
    """All tasks that hang together with one, which is the first; the nearest 500 if there are more."""

    nodes: list[TaskNode]
    edges: list[TaskEdge]
    truncated: bool


class TaskResult(TypedDict):
    """What came of a task that has ended."""

    task_id: str
    status: State
    result: Any
    error: TaskError | None
    finished_at: str | None
    artifacts: NotRequired[list[File]]


class TaskPage(TypedDict):
    """Tasks, newest first, and where the next page begins."""

    tasks: list[TaskSummary]
    next_cursor: str | None


class Event(TypedDict):
    """One thing that happened to a task."""

    id: int
    task_id: str
    type: str
    attempt: int
    at: str
    data: dict[str, Any]


class LogLine(TypedDict):
    """A line that the handler of a task logged."""

    attempt: int
    line: int
    at: str
    message: str
    fields: dict[str, Any]


class LogPage(TypedDict):
    """Lines, oldest first, and where the next page begins."""

    lines: list[LogLine]
    next_cursor: str | None


class TaskType(TypedDict):
    """What can be submitted, with the JSON Schema of its parameters."""

    name: str
    description: str
    queue: str
    timeout_seconds: float | None
    parameters: dict[str, Any]
    example: dict[str, Any] | None


class BulkResult(TypedDict):
    """How many tasks matched a filter and changed, and whether there are more than one call changes."""

    matched: int
    changed: int
    more: bool


class _Options(TypedDict, total=False):
    #: ISO 8601 with an offset; not together with `delay_seconds`.
    run_at: str
    delay_seconds: float
    #: 0 to 9; greater runs sooner.
    priority: int
    #: Attempts after the first.
    max_retries: int
    #: Of one attempt.
    timeout_seconds: float
    labels: dict[str, str]
    #: `cancel` unless given.
    on_dependency_failure: DependencyFailure


class SubmitOptions(_Options, total=False):
    """What may be said of a task besides its type and parameters; docs/api.md has defaults and limits."""

    #: Ids of tasks that are to end first.
    depends_on: Sequence[UUID | str]


class EntryReference(TypedDict):
    """An earlier task of the same batch."""

    #: From 0.
    index: int


class Submission(_Options, total=False):
    """A task to run."""

    task_type: Required[str]
    parameters: dict[str, Any]
    #: Tasks that are to end first, also earlier ones of the same batch.
    depends_on: Sequence[UUID | str | EntryReference]


class Filter(TypedDict, total=False):
    """Which tasks: every condition must hold; the values of one are alternatives, except labels."""

    task_ids: Sequence[str]
    status: Sequence[State]
    task_type: Sequence[str]
    labels: dict[str, str]
    created_from: str
    created_before: str
