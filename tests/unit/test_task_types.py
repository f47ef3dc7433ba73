"""What a package may say of its task types: by the decorator of the SDK, and by a TaskType of its own."""

from importlib.metadata import EntryPoint
from typing import Any
from uuid import UUID

import pytest
from pydantic import Field

from atropos_core import catalog
from atropos_core.catalog import TaskParameters, TaskType
from atropos_core.models import Task
from atropos_core.settings import Settings
from atropos_sdk import TaskContext, task_type
from atropos_worker import outcome
from atropos_worker.outcome import RetryLater


class ResizeParameters(TaskParameters):
    width: int = 1
    customer: str | None = None
    order: UUID | None = Field(None, strict=False)


def by_order(parameters: ResizeParameters) -> UUID | None:
    return parameters.order


@task_type(name="resize", queue="pictures", concurrency_limit=2, concurrency_key="customer", max_retries=7)
def resize(parameters: ResizeParameters, _context: TaskContext) -> int:
    """Resizes a picture.

    With care.
    """
    return parameters.width


def made(**settings: Any) -> TaskType:
    return TaskType(name="t", description="", parameters=ResizeParameters, handler="m:f", **settings)


def test_a_decorated_function_is_described() -> None:
    """Its model, its place, the first line of its docstring; and it can be called as before."""
    found: TaskType = getattr(resize, catalog.TASK_TYPE_ATTRIBUTE)
    assert (found.name, found.queue, found.parameters, found.max_retries) == ("resize", "pictures", ResizeParameters, 7)
    assert found.description == "Resizes a picture."
    assert found.load_handler().__name__ == "resize"
    context: Any = None
    assert resize(ResizeParameters(width=5), context) == 5


def test_the_catalog_takes_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point names a TaskType or a decorated function; one that is neither is left out."""
    here = __name__
    entries = [
        EntryPoint("resize", f"{here}:resize", catalog.ENTRY_POINT_GROUP),
        EntryPoint("default", "atropos_core.builtin_types:default", catalog.ENTRY_POINT_GROUP),
        EntryPoint("other", f"{here}:resize", catalog.ENTRY_POINT_GROUP),
        EntryPoint("by_order", f"{here}:by_order", catalog.ENTRY_POINT_GROUP),
        EntryPoint("broken", "atropos_nowhere:resize", catalog.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(catalog, "entry_points", lambda group: entries)
    found, left_out = catalog._installed.__wrapped__()
    assert set(found) == {"resize", "default"}
    assert left_out.keys() == {"other", "by_order", "broken"}
    assert left_out["broken"] == "ModuleNotFoundError: No module named 'atropos_nowhere'"


def wrong_model(_parameters: dict[str, Any], _context: TaskContext) -> None:
    """Its parameters are no model."""


def no_context(_parameters: ResizeParameters) -> None:
    """It takes no context."""


def test_a_type_may_be_placed_in_another_queue() -> None:
    """As an operator's pools need it; the others stay where they are, and a misspelt name is refused."""
    types = {"resize": catalog.TaskType(name="resize", description="", parameters=ResizeParameters, handler="a:b")}
    assert catalog.placed(types, {"resize": "films"})["resize"].queue == "films"
    assert catalog.placed(types, {})["resize"].queue == "default"
    with pytest.raises(
        ValueError, match=r"task_queues \(`taskTypes` of a pool\) names 'resise', and no such task type is installed"
    ):
        catalog.placed(types, {"resise": "films"})


@pytest.mark.parametrize("function", [wrong_model, no_context, lambda p, c: None])
def test_a_function_that_cannot_be_a_handler_is_refused(function: Any) -> None:
    """At once, where its author sees it."""
    with pytest.raises(TypeError):
        task_type(name="t")(function)


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency_limit": 0},
        {"concurrency_key": "customer"},
        {"concurrency_key": "nothing", "concurrency_limit": 1},
        {"rate_per_second": 0},
        {"rate_per_second": float("nan")},
        {"max_retries": -1},
        {"max_retries": 101},
        {"retry_base_seconds": -1},
        {"retry_cap_seconds": -1},
    ],
)
def test_what_contradicts_itself_is_refused(settings: dict[str, Any]) -> None:
    """A limit that cannot be kept is no limit."""
    with pytest.raises(ValueError, match=r" of t |t has"):
        made(**settings)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a" * 101, "ä"])
def test_a_name_is_letters_digits_and_three_signs(name: str) -> None:
    """It is a part of URLs, metrics and files."""
    with pytest.raises(ValueError, match="is no name"):
        TaskType(name=name, description="", parameters=ResizeParameters, handler="m:f")


ORDER = UUID(int=1)


@pytest.mark.parametrize(
    ("settings", "parameters", "expected"),
    [
        ({}, {}, None),
        ({"concurrency_limit": 3}, {}, {"key": "t", "at_once": 3}),
        ({"concurrency_limit": 3, "concurrency_key": "customer"}, {}, None),
        ({"concurrency_limit": 3, "concurrency_key": "customer"}, {"customer": "a b"}, {"key": "t a b", "at_once": 3}),
        ({"concurrency_limit": 1, "concurrency_key": by_order}, {"order": ORDER}, {"key": f"t {ORDER}", "at_once": 1}),
        ({"rate_per_second": 0.5}, {}, {"rate": "t", "per_second": 0.5}),
    ],
)
def test_limits_are_those_of_the_parameters(
    settings: dict[str, Any], parameters: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """A key is of its type; a task without one has no limit."""
    assert made(**settings).limits(ResizeParameters(**parameters)) == expected


def test_a_long_key_fits_into_an_index() -> None:
    """It is replaced by its hash, and another one has another."""
    limited = made(concurrency_limit=1, concurrency_key="customer")
    keys = [(limited.limits(ResizeParameters(customer=end * 100_000)) or {})["key"] for end in "ab"]
    assert max(map(len, keys)) < 100
    assert keys[0] != keys[1]


def test_the_backoff_is_the_type_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it has one, and the service's otherwise."""
    settings = Settings(retry_base_seconds=0, retry_cap_seconds=0)
    patient = made(retry_base_seconds=1000, retry_cap_seconds=2000)
    monkeypatch.setattr(outcome, "task_types", lambda: {"patient": patient, "t": made()})
    delays = {
        name: [
            found.delay
            for _ in range(20)
            if isinstance(
                found := outcome.of_exception(
                    ValueError(), Task(task_type=name, attempt=2, max_retries=3), None, settings
                ),
                RetryLater,
            )
        ]
        for name in ("patient", "t", "gone")
    }
    assert 1000 < max(delays["patient"]) <= 2000
    assert {0} == set(delays["t"]) == set(delays["gone"])
