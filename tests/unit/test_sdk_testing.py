"""The testing helper of the SDK: a handler without services."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, ValidationError

from atropos_core.errors import ValueNotStorable
from atropos_sdk import (
    ArtifactSource,
    Dependency,
    Permanent,
    Retry,
    Stopped,
    TaskContext,
    TaskParameters,
    TaskStatus,
    task_type,
    testing,
)


class WorkParameters(TaskParameters):
    steps: int = 3
    how: str = ""


class Done(BaseModel):
    steps: int
    attempt: int


@task_type(name="work")
def work(parameters: WorkParameters, context: TaskContext) -> Any:
    """Works in steps."""
    done = context.last_checkpoint or 0
    for step in range(done, parameters.steps):
        context.progress(step / parameters.steps, f"step {step}")
        context.log("a step", number=step)
        context.checkpoint(step + 1)
    if parameters.how == "again":
        raise Retry("later", delay=5)
    if parameters.how == "strange":
        return object()
    if parameters.how == "waits":
        context.wait(60)
    return Done(steps=parameters.steps, attempt=context.attempt)


class CopyParameters(TaskParameters):
    url: str


@task_type(name="copy")
def copy(parameters: CopyParameters, context: Any) -> None:
    """Makes a file of a file."""
    out = context.scratch / "out.txt"
    out.write_text(context.input(parameters).read_text().upper())
    context.artifact(out)


@task_type(name="sleep")
async def sleep(_parameters: TaskParameters, context: TaskContext) -> str:
    """Sleeps."""
    try:
        await asyncio.sleep(60)
    finally:
        context.log("cleaned up")
    return "slept"


def test_what_a_handler_does_is_kept() -> None:
    """Its result as the API shows it, its progress, its lines, its checkpoint."""
    ran = testing.run(work, {"steps": 2})
    assert ran.result == {"steps": 2, "attempt": 1}
    assert ran.progress == [(0.0, "step 0"), (0.5, "step 1")]
    assert [(said.message, said.fields) for said in ran.logs] == [("a step", {"number": 0}), ("a step", {"number": 1})]
    assert ran.checkpoint == 2


def test_the_next_attempt_goes_on() -> None:
    """It gets the checkpoint of the one before."""
    first = testing.run(work, WorkParameters(how="again"))
    assert isinstance(first.error, Retry)
    second = testing.run(work, {}, attempt=2, checkpoint=first.checkpoint)
    assert (second.result, second.progress) == ({"steps": 3, "attempt": 2}, [])


def test_an_error_comes_with_the_result() -> None:
    """Who asks for the result of a handler that raised gets what it raised."""
    with pytest.raises(Retry, match="later"):
        _ = testing.run(work, {"how": "again"}).result


def test_it_stops_at_a_chosen_moment() -> None:
    """What it did until then is kept."""
    ran = testing.run(work, {}, stop_when=lambda context: len(context.said) == 2)
    assert isinstance(ran.error, Stopped)
    assert ran.checkpoint == 2


@pytest.mark.parametrize(("handler", "parameters"), [(work, {"how": "waits"}), (sleep, {})])
def test_it_stops_after_a_time(handler: Any, parameters: dict[str, Any]) -> None:
    """A wait ends, and an async handler is cancelled at its await, where it cleans up."""
    ran = testing.run(handler, parameters, stop_after=0.05)
    assert isinstance(ran.error, Stopped)
    assert ran.logs


def test_files_are_plain_ones(tmp_path: Path) -> None:
    """What it reads is given by the test, and what it makes is in a folder."""
    given = tmp_path / "in.txt"
    given.write_text("hello")
    ran = testing.run(copy, {"url": "https://example.org/in.txt"}, inputs={"https://example.org/in.txt": given})
    assert ran.error is None
    assert ran.artifacts["out.txt"].read_text() == "HELLO"
    assert isinstance(testing.run(copy, {"url": "https://example.org/other"}).error, Permanent)


def test_parameters_and_results_are_checked() -> None:
    """As API and worker check them."""
    with pytest.raises(ValidationError):
        testing.run(work, {"steps": "3"})
    assert isinstance(testing.run(work, {"how": "strange"}).error, ValueNotStorable)


def test_what_is_no_task_type_is_refused() -> None:
    """With a sentence, and not somewhere in the middle."""
    with pytest.raises(TypeError, match="neither"):
        testing.run(lambda: None)


@task_type(name="join")
def join(_parameters: TaskParameters, context: TaskContext) -> list[Any]:
    """Says what the tasks before it have made."""
    needed = context.dependencies.values()
    return [
        [each.result, each.state, [context.input(s).read_text() for s in each.artifacts.values()]] for each in needed
    ]


def test_dependencies_are_what_the_test_gives(tmp_path: Path) -> None:
    """With their artifacts, as sources whose files are among the inputs; without any there are none."""
    first, second = uuid4(), uuid4()
    path = tmp_path / "a.txt"
    path.write_text("hello")
    made = {"a.txt": ArtifactSource(task_id=first, artifact="a.txt")}
    given = {
        first: Dependency(task_type="work", result={"steps": 3}, artifacts=made),
        second: Dependency(task_type="work", state=TaskStatus.FAILED),
    }
    ran = testing.run(join, dependencies=given, inputs={"a.txt": path})
    assert ran.result == [[{"steps": 3}, "completed", ["hello"]], [None, "failed", []]]
    assert testing.run(join).result == []
