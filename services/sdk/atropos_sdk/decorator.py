"""The decorator that makes a function a task type; the entry point of a package names the function."""

import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from atropos_core.catalog import TASK_TYPE_ATTRIBUTE, TaskType

Function = TypeVar("Function", bound=Callable[..., Any])


def task_type(
    *,
    name: str,
    description: str | None = None,
    queue: str = "default",
    timeout_seconds: float | None = None,
    example: dict[str, Any] | None = None,
    max_retries: int = 3,
    retry_base_seconds: float | None = None,
    retry_cap_seconds: float | None = None,
    concurrency_limit: int | None = None,
    concurrency_key: str | Callable[[Any], object] | None = None,
    rate_per_second: float | None = None,
) -> Callable[[Function], Function]:
    """Make `def function(parameters: Model, context: TaskContext)`, async or not, the handler of a task type.

    `Model` is a pydantic model; `description` is the first line of the docstring by default. What the others mean is
    told at `TaskType`. The function stays as it is. Raises TypeError for another signature, ValueError for settings
    that contradict themselves.
    """

    def decorate(function: Function) -> Function:
        described = TaskType(
            name=name,
            description=description or (inspect.getdoc(function) or name).partition("\n")[0],
            parameters=_model_of(function),
            handler=f"{function.__module__}:{function.__qualname__}",
            queue=queue,
            timeout_seconds=timeout_seconds,
            example=example,
            max_retries=max_retries,
            retry_base_seconds=retry_base_seconds,
            retry_cap_seconds=retry_cap_seconds,
            concurrency_limit=concurrency_limit,
            concurrency_key=concurrency_key,
            rate_per_second=rate_per_second,
        )
        setattr(function, TASK_TYPE_ATTRIBUTE, described)
        return function

    return decorate


def _model_of(function: Callable[..., Any]) -> type[BaseModel]:
    """The annotation of the first of two parameters."""
    given = list(inspect.signature(function).parameters)
    if "<locals>" in function.__qualname__ or "." in function.__qualname__:
        raise TypeError(f"{function.__qualname__} must be a function of its module: workers import it by its name")
    if len(given) != 2:
        raise TypeError(f"{function.__name__} must take two arguments: its parameters and the context")
    try:
        model = typing.get_type_hints(function)[given[0]]
    except (KeyError, NameError):
        model = None
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"the first argument of {function.__name__} must be annotated with a pydantic model")
    return model
