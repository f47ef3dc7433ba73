"""What the API answers, field by field. Requests to submit are in submission.py."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from atropos_core.lifecycle import DependencyFailure, EventType, FailureReason, TaskStatus
from atropos_core.models import Event, Task

#: More than any body has, and few enough to name each that is wrong.
MAXIMUM_FIELDS = 100

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


def _trace_id(traceparent: object) -> object:
    """The trace in a W3C traceparent: version, trace, span and flags, with `-` between them."""
    return traceparent.split("-")[1] if isinstance(traceparent, str) else traceparent


TraceId = Annotated[str | None, BeforeValidator(_trace_id)]


class Body(BaseModel):
    """The base of what people send."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_a_flood(cls, body: Any) -> Any:
        """A million unknown fields are one mistake: naming each would take seconds, and gigabytes."""
        if isinstance(body, dict) and len(body) > MAXIMUM_FIELDS:
            raise ValueError(f"there are {len(body):,} fields")
        return body


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
    run_at: datetime = Field(
        validation_alias=AliasChoices("due_at", "run_at"),
        description="When the task is due: in the future while scheduled or backing off.",
    )
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None


class TaskSummary(TaskState):
    """A task without its parameters and result."""

    queue: str
    priority: int
    labels: dict[str, str]
    timeout_seconds: float | None
    interruptions: int = Field(description="Attempts that a worker gave back; they count as none.")
    worker: str | None = Field(description="The process that runs it, or ran it last.")


class FileView(FromAttributes):
    """An upload, or an artifact of a task; its content is at `/files/{file_id}`."""

    file_id: UUID = Field(validation_alias="id")
    name: str
    media_type: str
    size_bytes: int
    sha256: str = Field(description="The digest of the content, in hexadecimal digits.")
    created_at: datetime
    task_id: UUID | None = Field(description="The task that made it; null for an upload.")


Artifacts = Annotated[list[FileView], Field(description="The files that a completed task made, by name.")]


class TaskDetail(TaskSummary):
    """A task, whole."""

    trace_id: TraceId = Field(
        validation_alias="traceparent", description="The trace of the request and all attempts; null without one."
    )
    parameters: dict[str, Any]
    result: Any | None
    error: TaskError | None
    artifacts: Artifacts = []
    depends_on: list[UUID] = Field([], description="The tasks that it depends on.")
    on_dependency_failure: DependencyFailure | None = Field(
        description="What becomes of it when one of them does not complete; null for a task that depends on none."
    )
    dependents: list[UUID] = Field([], description="The first 100 tasks that depend on it.")


class NeededTask(FromAttributes):
    """A task that another one waits for."""

    task_id: UUID = Field(validation_alias="id")
    task_type: str
    status: TaskStatus


class TaskStatusView(TaskState):
    """The answer of `/status`."""

    queue_position: int | None = Field(
        None, description="Tasks of its queue that go before it, while it is due and pending; null beyond 10,000."
    )
    waiting_for_limit: str | None = Field(
        None, description="The limit of its type that a pending task waits for, as a sentence; null for others."
    )
    waiting_for: list[NeededTask] = Field([], description="Of the tasks that it depends on, those it still waits for.")


class TaskResult(FromAttributes):
    """The answer of `/result`: `result` of a completed task, `error` of a failed one.

    A cancelled one has an `error` of the type `dependency_failed` if it was cancelled because of another task.
    """

    task_id: UUID = Field(validation_alias="id")
    status: TaskStatus
    result: Any | None
    error: TaskError | None
    artifacts: Artifacts = []
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


class TaskTypeView(BaseModel):
    """A task type, with the JSON Schema of its parameters."""

    name: str
    description: str
    queue: str
    timeout_seconds: float | None
    max_retries: int = Field(description="Attempts after the first, at most, unless the task says otherwise.")
    concurrency_limit: int | None = Field(
        description="At most this many of its tasks run at once: of each key, if it has a `concurrency_key`."
    )
    concurrency_key: str | None = Field(
        description="The parameter that is the key, or the name of a function of the parameters."
    )
    rate_per_second: float | None = Field(description="At most this many attempts start in a second, on average.")
    parameters: dict[str, Any]
    example: dict[str, Any] | None


def summaries(tasks: Sequence[Task]) -> list[TaskSummary]:
    """The rows as summaries."""
    return [TaskSummary.model_validate(task) for task in tasks]
