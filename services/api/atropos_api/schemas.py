"""What the API answers, field by field. Requests to submit are in submission.py."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from atropos_core.lifecycle import EventType, FailureReason, TaskStatus
from atropos_core.models import Event, Task
from atropos_core.queries import TaskFilter

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,100}$")]
LabelKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-/]{1,63}$")]
LabelValue = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{0,255}$")]

Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=32, json_schema_extra={"additionalProperties": False})]


def _require_text(value: object) -> object:
    """Refuse Unix times, which the document does not offer and pydantic takes."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value, re.ASCII):
        raise ValueError("give a date and time with an offset, such as 2026-11-24T10:00:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    """The same moment: PostgreSQL takes no offset of 16 hours or more."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("give a moment between the years 1 and 9999 of UTC") from None


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_require_text), AfterValidator(_in_utc)]


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


_GIVEN: dict[str, JsonValue] = {
    "task_ids": {"minItems": 1},
    "status": {"minItems": 1},
    "task_type": {"minItems": 1},
    "labels": {"minProperties": 1},
    "created_from": {"type": "string"},
    "created_before": {"type": "string"},
}
#: `_refuse_everything` in JSON Schema.
_ONE_CONDITION: JsonValue = [
    {"required": [name], "properties": {name: condition}} for name, condition in _GIVEN.items()
]


class BulkFilter(BaseModel):
    """Which tasks; every condition must hold, and at least one must be given."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"anyOf": _ONE_CONDITION})

    task_ids: list[Annotated[UUID, Field(strict=False)]] = Field([], max_length=10_000)
    status: list[Annotated[TaskStatus, Field(strict=False)]] = []
    task_type: list[Name] = []
    labels: Labels = {}
    created_from: Moment | None = None
    created_before: Moment | None = None

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

    model_config = ConfigDict(strict=True, extra="forbid")

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
