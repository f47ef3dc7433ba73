"""Requests to submit a task, and their answer.

There is one model for each installed task type, so that a mistake is named where it was made.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self, Union, cast
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from atropos_api.schemas import Body, Labels, Moment, TaskSummary
from atropos_core import json_values
from atropos_core.catalog import TaskType
from atropos_core.drafts import Submitted, TaskDraft
from atropos_core.errors import DependencyNotFound, TaskTypeBroken
from atropos_core.lifecycle import DependencyFailure
from atropos_core.settings import Settings, get_settings
from atropos_core.tracing import current_traceparent

#: Nothing is scheduled, and nothing runs, for longer.
LONGEST = timedelta(days=3660)
MAXIMUM_BATCH = 10_000
#: Tasks that one can depend on.
MAXIMUM_DEPENDENCIES = 100
#: What `_one_time` refuses, in JSON Schema.
_TWO_TIMES: dict[str, JsonValue] = {
    "required": ["run_at", "delay_seconds"],
    "properties": {"run_at": {"type": "string"}, "delay_seconds": {"type": "number"}},
}


class EntryReference(Body):
    """An earlier task of the same batch."""

    model_config = ConfigDict(strict=True, extra="forbid")

    index: int = Field(ge=0, lt=MAXIMUM_BATCH, description="Its place in the batch, from 0.")


#: A task that is to end first.
Needed = Annotated[
    Annotated[UUID, Field(strict=False), Tag("task_id")] | Annotated[EntryReference, Tag("entry")],
    Discriminator(lambda value: "entry" if isinstance(value, dict | EntryReference) else "task_id"),
]


class Idempotency(NamedTuple):
    """What finds the task of a request that is sent again."""

    key: str
    #: Of the whole request.
    fingerprint: str


class Submission(Body):
    """A task to run."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"not": _TWO_TIMES})

    task_type: str
    parameters: BaseModel
    run_at: Moment | None = Field(
        None, description="When to run it, with an offset; not together with `delay_seconds`."
    )
    delay_seconds: float | None = Field(None, ge=0, le=LONGEST.total_seconds(), description="Run it after this long.")
    priority: int = Field(5, ge=0, le=9, description="Greater runs sooner.")
    max_retries: int = Field(3, ge=0, le=100, description="Attempts after the first, at most.")
    timeout_seconds: float | None = Field(
        None, gt=0, le=LONGEST.total_seconds(), description="Stop an attempt that runs longer; null means no limit."
    )
    labels: Labels = Field({}, description="Your own words, to filter by.")
    depends_on: list[Needed] = Field(
        [],
        max_length=MAXIMUM_DEPENDENCIES,
        description="Tasks that are to end first; in a batch also earlier ones of it.",
        json_schema_extra={"uniqueItems": True},
    )
    on_dependency_failure: Annotated[DependencyFailure, Field(strict=False)] = Field(
        DependencyFailure.CANCEL, description="What becomes of it when one of them ends failed or cancelled."
    )

    @field_validator("depends_on")
    @classmethod
    def _each_once(cls, needed: list[UUID | EntryReference]) -> list[UUID | EntryReference]:
        if len({each.index if isinstance(each, EntryReference) else each for each in needed}) < len(needed):
            raise ValueError("give each task once")
        return needed

    @field_validator("parameters", mode="before")
    @classmethod
    def _refuse_what_is_not_json(cls, parameters: Any) -> Any:
        """Python reads NaN and infinity, pydantic would store them as null, and it cannot write what is too deep.

        What is too large is refused here already: it could be wrong in a million places.
        """
        if parameters:
            json_values.encode(parameters, limit=get_settings().max_parameters_bytes, name="parameters")
        return parameters

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.run_at is not None and self.delay_seconds is not None:
            raise ValueError("give run_at or delay_seconds, not both")
        if self.run_at is not None and self.run_at - datetime.now(UTC) > LONGEST:
            raise ValueError("run_at is more than ten years away")
        return self

    def draft(
        self,
        task_type: TaskType,
        settings: Settings,
        *,
        idempotency: Idempotency | None = None,
        earlier: Sequence[TaskDraft] = (),
    ) -> TaskDraft:
        """The draft for the domain; `earlier` are those before it in its batch.

        Raises ValueNotStorable for parameters that are too large or not storable, DependencyNotFound.
        """
        parameters = self.parameters.model_dump(mode="json", exclude_unset=True)
        for name, value in (("parameters", parameters), ("labels", self.labels)):
            if value:
                json_values.encode(value, limit=settings.max_parameters_bytes, name=name)
        return TaskDraft(
            task_type=self.task_type,
            queue=task_type.queue,
            parameters=parameters,
            labels=self.labels,
            priority=self.priority,
            max_retries=self.max_retries,
            timeout_seconds=self.timeout_seconds if self.timeout_seconds is not None else task_type.timeout_seconds,
            run_at=self.run_at,
            delay_seconds=self.delay_seconds or 0,
            idempotency_key=None if idempotency is None else idempotency.key,
            idempotency_fingerprint=None if idempotency is None else idempotency.fingerprint,
            traceparent=current_traceparent(),
            limits=self._limits(task_type),
            depends_on=self._needed(earlier) or None,
            on_dependency_failure=self.on_dependency_failure if self.depends_on else None,
        )

    def _needed(self, earlier: Sequence[TaskDraft]) -> list[UUID]:
        needed = []
        for position, each in enumerate(self.depends_on):
            if isinstance(each, UUID):
                needed.append(each)
            elif each.index < len(earlier):
                needed.append(earlier[each.index].id)
            else:
                entry = len(earlier)
                detail = f"depends_on[{position}] of task {entry} of the request: task {each.index} is not before it."
                raise DependencyNotFound(detail, entry=entry, position=position, index=each.index)
        return needed

    def _limits(self, task_type: TaskType) -> dict[str, Any] | None:
        try:
            return task_type.limits(self.parameters)
        except Exception as error:
            detail = f"The concurrency_key of {task_type.name} raised {type(error).__name__}."
            raise TaskTypeBroken(detail, task_type=task_type.name) from error

    def fingerprint(self) -> str:
        """The same for the same request, whatever the order of its names."""
        canonical = json.dumps(self.model_dump(mode="json", exclude_unset=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


def submission_model(task_types: Mapping[str, TaskType]) -> Any:
    """The type of a submission: a union of one model per task type, told apart by `task_type`."""
    models = tuple(_model_for(task_type) for task_type in task_types.values())
    if len(models) == 1:
        return models[0]
    return Annotated[Union[models], Field(discriminator="task_type")]  # noqa: UP007 - the members come from a tuple


def _model_for(task_type: TaskType) -> type[Submission]:
    parameters = task_type.parameters
    required = any(field.is_required() for field in parameters.model_fields.values())
    name = "".join(part.capitalize() for part in task_type.name.replace("-", "_").replace(".", "_").split("_"))
    return create_model(
        f"{name}Submission",
        __base__=Submission,
        __doc__=task_type.description,
        task_type=(cast(Any, Literal[task_type.name]), ...),
        max_retries=(int, _with_default(Submission.model_fields["max_retries"], task_type.max_retries)),
        parameters=(parameters, ... if required else Field(default_factory=parameters)),
    )


def _with_default(field: FieldInfo, value: Any) -> FieldInfo:
    changed = copy(field)
    changed.default = value
    return changed


def summary_of_new(submitted: Submitted) -> TaskSummary:
    """The summary of a task that was stored just now."""
    draft = submitted.draft
    return TaskSummary.model_validate(
        {
            "id": draft.id,
            "task_type": draft.task_type,
            "status": submitted.status,
            "attempt": 0,
            "max_retries": draft.max_retries,
            "progress": 0.0,
            "progress_message": None,
            "created_at": submitted.created_at,
            "run_at": submitted.run_at,
            "started_at": None,
            "finished_at": submitted.finished_at,
            "cancel_requested_at": None,
            "queue": draft.queue,
            "priority": draft.priority,
            "labels": draft.labels,
            "timeout_seconds": draft.timeout_seconds,
            "interruptions": 0,
            "worker": None,
        }
    )
