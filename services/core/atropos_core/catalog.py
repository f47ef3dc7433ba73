"""Task types: what may be submitted, and which function runs it. Found through the entry point `atropos.task_types`."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

#: A package adds a type by pointing an entry point of this group at a `TaskType`; its name is the type's name.
ENTRY_POINT_GROUP = "atropos.task_types"

log = structlog.get_logger("atropos.catalog")


class TaskParameters(BaseModel):
    """The base for the parameters of a task type: nothing is coerced, and unknown names are refused.

    JSON has no dates: give a `datetime`, `date` or `UUID` field `Field(strict=False)`.
    """

    model_config = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, kw_only=True)
class TaskType:
    """One kind of work. The API needs the parameters only; the handler is imported by workers alone."""

    #: Letters, digits, `_`, `-` and `.`; it is kept with each task, so it must not change.
    name: str
    #: One sentence for people.
    description: str
    parameters: type[BaseModel]
    #: `module:function`, called with the parameters and a TaskContext; what it returns is the result.
    handler: str
    #: The Redis list, and so the worker pool, that its tasks go to.
    queue: str = "default"
    #: Seconds that one attempt may run, unless the task says otherwise.
    timeout_seconds: float | None = None
    #: Parameters that the documentation shows.
    example: dict[str, Any] | None = None

    def load_handler(self) -> Any:
        """The handler function. Raises ImportError or AttributeError when the package is broken."""
        module, _, function = self.handler.partition(":")
        return getattr(import_module(module), function)


@lru_cache
def task_types() -> dict[str, TaskType]:
    """All installed types by name. A package that cannot be imported is logged and left out."""
    found: dict[str, TaskType] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        try:
            task_type = entry.load()
        except Exception:
            log.exception("atropos.task_type.broken", task_type=entry.name, entry_point=entry.value)
            continue
        if not isinstance(task_type, TaskType) or task_type.name != entry.name:
            log.error("atropos.task_type.misnamed", task_type=entry.name, entry_point=entry.value)
            continue
        found[entry.name] = task_type
    return found
