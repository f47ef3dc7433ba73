"""Task types written with the SDK: checkpoints, async functions, policies and limits."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from atropos_sdk import Permanent, TaskContext, TaskParameters, ValueNotStorable, task_type


class CountParameters(TaskParameters):
    to: int = 3
    #: What it does after each step: nothing, `fail`, `die` or `wait`.
    then: str = ""
    #: Where it writes the steps that it made.
    path: str = ""


@task_type(name="count", retry_base_seconds=0.01, retry_cap_seconds=0.01, max_retries=10)
def count(parameters: CountParameters, context: TaskContext) -> dict[str, Any]:
    """Counts, a step after a checkpoint."""
    done: int = context.last_checkpoint or 0
    while done < parameters.to:
        done += 1
        with open(parameters.path, "a") as steps:
            steps.write(f"{done}\n")
        context.checkpoint(done)
        if parameters.then == "fail":
            raise RuntimeError("as it was asked to")
        if parameters.then == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if parameters.then == "wait":
            context.wait(3600)
    return {"counted": done, "attempt": context.attempt}


class CheckParameters(TaskParameters):
    size: int


@task_type(name="check")
def check(parameters: CheckParameters, context: TaskContext) -> str:
    """Says how a checkpoint of so many bytes was taken."""
    try:
        context.checkpoint("x" * parameters.size)
    except ValueNotStorable as error:
        return error.detail
    return "taken"


class NapParameters(TaskParameters):
    seconds: float = 3600
    how: str = ""


@task_type(name="nap", max_retries=0)
async def nap(parameters: NapParameters, context: TaskContext) -> Any:
    """Sleeps as an async function does."""
    context.log("naps")
    if parameters.how == "fails":
        raise Permanent("as it was asked to")
    if parameters.how == "cancels itself":
        raise asyncio.CancelledError
    if parameters.how == "blocks":
        time.sleep(parameters.seconds)
    try:
        await asyncio.sleep(parameters.seconds)
    except asyncio.CancelledError:
        if parameters.how == "finishes":
            return "finished all the same"
        if parameters.how == "stubborn":
            while True:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        context.log("cleaned up")
        raise
    return "slept"


class TurnParameters(TaskParameters):
    #: What at most two of may run at once; None may run as it likes.
    of: str | None = None
    seconds: float = 0
    #: Where it writes when it began and ended.
    path: str = ""


@task_type(
    name="turn", concurrency_key="of", concurrency_limit=2, max_retries=50, retry_base_seconds=0, retry_cap_seconds=0
)
def turn(parameters: TurnParameters, context: TaskContext) -> None:
    """Takes its turn."""
    began = time.monotonic()
    try:
        context.wait(parameters.seconds)
    finally:
        if parameters.path:
            line = f"{parameters.of} {context.task_id} {context.attempt} {began} {time.monotonic()}\n"
            with Path(parameters.path).open("a") as turns:
                turns.write(line)


@task_type(name="paced", rate_per_second=5)
def paced(_parameters: TaskParameters, _context: TaskContext) -> float:
    """Says when it ran."""
    return time.time()


@task_type(name="gather")
def gather(_parameters: TaskParameters, context: TaskContext) -> dict[str, Any]:
    """Says what it is told of the tasks that it depends on."""
    return {
        str(task_id): {
            "task_type": needed.task_type,
            "state": needed.state,
            "result": needed.result,
            "texts": {name: context.input(source).read_text() for name, source in needed.artifacts.items()},
        }
        for task_id, needed in context.dependencies.items()
    }
