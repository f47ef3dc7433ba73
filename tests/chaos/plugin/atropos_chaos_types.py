"""The task type of `make chaos`: its handler writes what it does to a file that no server can lose."""

import json
import os
import time
from typing import Any
from uuid import uuid4

from atropos_core.catalog import TaskParameters, TaskType
from atropos_worker.context import TaskContext

#: Seconds between two reports of progress.
STEP_SECONDS = 0.1


class ChaosParameters(TaskParameters):
    #: How long it works.
    seconds: float = 0
    #: Attempts that fail; -1 means all.
    fail: int = 0
    #: It does not listen when it is told to stop, and must be interrupted.
    deaf: bool = False


class ChaosFailure(Exception):
    """As it was asked to."""


def run(parameters: ChaosParameters, context: TaskContext) -> dict[str, str]:
    """Work, and write the start and the end of it; the result names this run."""
    name = uuid4().hex
    write("start", name, context)
    try:
        work(parameters, context)
    except BaseException as error:
        write(f"left by {type(error).__name__}", name, context)
        raise
    write("finish", name, context)
    return {"run": name}


def work(parameters: ChaosParameters, context: TaskContext) -> None:
    """Take the time, with progress; then fail if that was asked for."""
    if parameters.deaf:
        time.sleep(parameters.seconds)
    else:
        began = time.monotonic()
        while (done := time.monotonic() - began) < parameters.seconds:
            context.progress(done / parameters.seconds, "working")
            context.wait(min(STEP_SECONDS, parameters.seconds - done))
    if parameters.fail < 0 or context.attempt <= parameters.fail:
        raise ChaosFailure(f"attempt {context.attempt}")


def write(what: str, run_name: str, context: TaskContext) -> None:
    """One line, in one write: lines of several processes do not mix, and a kill leaves a whole one or none."""
    line: dict[str, Any] = {
        "what": what,
        "task_id": str(context.task_id),
        "attempt": context.attempt,
        "run": run_name,
        "pid": os.getpid(),
        "parent": os.getppid(),
        "at": time.time(),
    }
    journal = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(journal, json.dumps(line).encode() + b"\n")
    finally:
        os.close(journal)


chaos = TaskType(
    name="chaos",
    description="Works, and writes down what it does.",
    parameters=ChaosParameters,
    handler="atropos_chaos_types:run",
)
