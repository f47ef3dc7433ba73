"""Requests to change many tasks at once, and their answer."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, FailFast, Field, JsonValue, model_validator

from atropos_api.schemas import Body, Labels, Moment, Name
from atropos_core.lifecycle import TaskStatus
from atropos_core.task_lists import TaskFilter

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


class BulkFilter(Body):
    """Which tasks; every condition must hold, and at least one must be given."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"anyOf": _ONE_CONDITION})

    task_ids: list[Annotated[UUID, Field(strict=False)]] = Field([], max_length=10_000)
    status: Annotated[list[Annotated[TaskStatus, Field(strict=False)]], FailFast()] = Field([])
    task_type: Annotated[list[Name], FailFast()] = Field([])
    labels: Labels = Field({})
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


class BulkRequest(Body):
    """Do it to all tasks that match, at most 10,000 in one call."""

    model_config = ConfigDict(strict=True, extra="forbid")

    filter: BulkFilter
    dry_run: bool = Field(False, description="Only count.")


class BulkResult(BaseModel):
    """How many it was."""

    matched: int
    changed: int
    more: bool = Field(description="There are more than 10,000; call again.")
