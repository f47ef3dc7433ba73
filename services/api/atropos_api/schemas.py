"""What the API answers, field by field. Requests to submit are in submission.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from atropos_core.lifecycle import EventType, FailureReason, TaskStatus
from atropos_core.models import Event, Task
from atropos_core.queries import TaskFilter

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,100}$")]
LabelKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-/]{1,63}$")]
LabelValue = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{0,255}$")]


class FromAttributes(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class TaskError(BaseModel):
    """Why the last attempt ended without a result."""

    reason: FailureReason
    type: str = Field(description="The class of the exception.")
    message: str
    traceback: str | None
    attempt: int = Field(description="The attempt that failed; 1 is the first.")


class TaskState(FromAttributes):
    """Where a task stands."""

    task_id: UUID = Field(validation_alias="id")
    task_type: str
    status: TaskStatus
    attempt: int = Field(description="The attempt that runs or ran last; 0 before the first.")
    max_retries: int
    progress: float = Field(description="0 to 1, as the current attempt reported.")
    progress_message: str | None
    created_at: datetime
    run_at: datetime = Field(description="When the task is due: in the future while scheduled or backing off.")
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None


class TaskSummary(TaskState):
    """A task without its parameters and result."""

    queue: str
    priority: int
    labels: dict[str, str]
    timeout_seconds: float | None
    interruptions: int = Field(description="Attempts that a draining worker gave back; they count as none.")
    worker: str | None = Field(description="The process that runs it, or ran it last.")


class TaskDetail(TaskSummary):
    """A task, whole."""

    parameters: dict[str, Any]
    result: Any | None
    error: TaskError | None


class TaskStatusView(TaskState):
    """The answer of `/status`."""

    queue_position: int | None = Field(
        None, description="Tasks of its queue that go before it, while it is due and pending; null beyond 10,000."
    )


class TaskResult(FromAttributes):
    """The answer of `/result`: `result` of a completed task, `error` of a failed one, neither of a cancelled one."""

    task_id: UUID = Field(validation_alias="id")
    status: TaskStatus
    result: Any | None
    error: TaskError | None
    finished_at: datetime | None


class TaskPage(BaseModel):
    """Tasks, newest first."""

    tasks: list[TaskSummary]
    next_cursor: UUID | None = Field(description="Give it as `cursor` to get the next page; null on the last.")


class TaskBatch(BaseModel):
    """The tasks of a batch, in the order of the request."""

    tasks: list[TaskSummary]


class EventView(FromAttributes):
    """One thing that happened to a task; the `data` of a server-sent event."""

    id: int
    task_id: UUID
    type: EventType
    attempt: int
    at: datetime
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        """The view of a row."""
        return cls.model_validate(event)


class BulkFilter(BaseModel):
    """Which tasks; every condition must hold, and at least one must be given."""

    model_config = ConfigDict(extra="forbid")

    task_ids: list[UUID] = Field([], max_length=10_000)
    status: list[TaskStatus] = []
    task_type: list[Name] = []
    labels: dict[LabelKey, LabelValue] = Field({}, max_length=32)
    created_from: AwareDatetime | None = None
    created_before: AwareDatetime | None = None

    @model_validator(mode="after")
    def _refuse_everything(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("give at least one condition")
        return self

    def to_filter(self) -> TaskFilter:
        """The same for the domain."""
        return TaskFilter(
            task_ids=self.task_ids,
            statuses=self.status,
            task_types=self.task_type,
            labels=self.labels,
            created_from=self.created_from,
            created_before=self.created_before,
        )


class BulkRequest(BaseModel):
    """Do it to all tasks that match, at most 10,000 in one call."""

    model_config = ConfigDict(extra="forbid")

    filter: BulkFilter
    dry_run: bool = Field(False, description="Only count.")


class BulkResult(BaseModel):
    """How many it was."""

    matched: int
    changed: int
    more: bool = Field(description="There are more than 10,000; call again.")


class TaskTypeView(BaseModel):
    """A task type, with the JSON Schema of its parameters."""

    name: str
    description: str
    queue: str
    timeout_seconds: float | None
    parameters: dict[str, Any]
    example: dict[str, Any] | None


def summaries(tasks: Sequence[Task]) -> list[TaskSummary]:
    """The rows as summaries."""
    return [TaskSummary.model_validate(task) for task in tasks]
