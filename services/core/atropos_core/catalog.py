"""Task types: what may be submitted, and which function runs it. Found through the entry point `atropos.task_types`."""

import hashlib
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

#: A package adds a type by pointing an entry point of this group at a `TaskType`, or at a function that
#: `atropos_sdk.task_type` decorates; its name is the type's name.
ENTRY_POINT_GROUP = "atropos.task_types"
#: The attribute of a decorated function that holds its `TaskType`.
TASK_TYPE_ATTRIBUTE = "__atropos_task_type__"
TYPE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
#: A longer value of a concurrency key is replaced by its hash.
MAXIMUM_KEY = 200

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
    #: Attempts after the first, at most, unless the task says otherwise.
    max_retries: int = 3
    #: The first retry waits at most this many seconds, each further one twice as long; none is the service's setting.
    retry_base_seconds: float | None = None
    #: No retry waits longer, in seconds; none is the service's setting.
    retry_cap_seconds: float | None = None
    #: At most this many of its tasks run at once: of each key, if there is a `concurrency_key`.
    concurrency_limit: int | None = None
    #: The name of a parameter, or a function of the parameters. A task whose key is None has no limit.
    concurrency_key: str | Callable[[Any], object] | None = None
    #: At most this many attempts start in a second, on average; a tenth of a second's worth, or one, at once.
    rate_per_second: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what contradicts itself: the package's author sees it when the module is imported."""
        if not TYPE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name: letters, digits, `_`, `-` and `.`, at most 100")
        if not 0 <= self.max_retries <= 100:
            raise ValueError(f"max_retries of {self.name} must be from 0 to 100")
        if min(self.retry_base_seconds or 0, self.retry_cap_seconds or 0) < 0:
            raise ValueError(f"retry_base_seconds and retry_cap_seconds of {self.name} cannot be negative")
        if self.concurrency_limit is not None and self.concurrency_limit < 1:
            raise ValueError(f"concurrency_limit of {self.name} must be at least 1")
        if self.concurrency_key is not None and self.concurrency_limit is None:
            raise ValueError(f"{self.name} has a concurrency_key and no concurrency_limit")
        if isinstance(self.concurrency_key, str) and self.concurrency_key not in self.parameters.model_fields:
            raise ValueError(f"concurrency_key of {self.name} names no parameter: {self.concurrency_key!r}")
        if self.rate_per_second is not None and not 0 < self.rate_per_second < float("inf"):
            raise ValueError(f"rate_per_second of {self.name} must be greater than 0")

    def limits(self, parameters: BaseModel) -> dict[str, Any] | None:
        """What the dispatcher keeps to for a task with these parameters; None for most, which nothing limits.

        Raises what the type's `concurrency_key` raises.
        """
        if self.concurrency_limit is None and self.rate_per_second is None:
            return None
        found: dict[str, Any] = {}
        if self.concurrency_limit is not None and (key := self._key(parameters)) is not None:
            found |= {"key": key, "at_once": self.concurrency_limit}
        if self.rate_per_second is not None:
            found |= {"rate": self.name, "per_second": self.rate_per_second}
        return found or None

    def _key(self, parameters: BaseModel) -> str | None:
        if self.concurrency_key is None:
            return self.name
        name = self.concurrency_key
        value = getattr(parameters, name) if isinstance(name, str) else name(parameters)
        if value is None:
            return None
        text = str(value).encode("utf-8", "replace").decode().replace("\x00", "")
        if len(text) > MAXIMUM_KEY:
            text = hashlib.sha256(text.encode()).hexdigest()
        return f"{self.name} {text}"

    def load_handler(self) -> Any:
        """The handler function. Raises ImportError or AttributeError when the package is broken."""
        module, _, function = self.handler.partition(":")
        return getattr(import_module(module), function)


def placed(types: Mapping[str, TaskType], queues: Mapping[str, str]) -> dict[str, TaskType]:
    """The types with the queues that `task_queues` of the settings names. Raises ValueError for an unknown type."""
    if unknown := sorted(queues.keys() - types.keys()):
        why = why_left_out(unknown[0])
        found = "no such task type is installed" if why is None else f"it cannot be imported: {why}"
        raise ValueError(f"task_queues (`taskTypes` of a pool) names {unknown[0]!r}, and {found}")
    return {name: replace(found, queue=queues.get(name, found.queue)) for name, found in types.items()}


def task_types() -> dict[str, TaskType]:
    """All installed types by name. A package that cannot be imported is logged and left out."""
    return _installed()[0]


def why_left_out(name: str) -> str | None:
    """Why an installed type is not among `task_types`; None if it is, or if no package has one of this name."""
    return _installed()[1].get(name)


@lru_cache
def _installed() -> tuple[dict[str, TaskType], dict[str, str]]:
    """The types, and why others are left out."""
    found: dict[str, TaskType] = {}
    left_out: dict[str, str] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        try:
            task_type = entry.load()
        except Exception as error:
            log.exception("atropos.task_type.broken", task_type=entry.name, entry_point=entry.value)
            left_out[entry.name] = traceback.format_exception_only(error)[-1].strip()
            continue
        task_type = getattr(task_type, TASK_TYPE_ATTRIBUTE, task_type)
        if not isinstance(task_type, TaskType) or task_type.name != entry.name:
            log.error("atropos.task_type.misnamed", task_type=entry.name, entry_point=entry.value)
            left_out[entry.name] = f"{entry.value} is no task type of this name"
            continue
        found[entry.name] = task_type
    return found, left_out
