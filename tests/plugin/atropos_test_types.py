"""Task types that misbehave, found by the processes of tests through PYTHONPATH."""

import os
import signal
import threading
import time
from typing import Any

from opentelemetry import trace

from atropos_core.catalog import TaskParameters, TaskType
from atropos_core.handling import MissingRequirement
from atropos_core.settings import get_settings
from atropos_worker.context import TaskContext


class BehaviourParameters(TaskParameters):
    behaviour: str = "deaf"
    seconds: float = 60
    #: Logged at the beginning.
    lines: int = 0


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__("cannot be pickled \x00 \ud800")
        self.lock = threading.Lock()


def say_lines(parameters: BehaviourParameters, context: TaskContext) -> None:
    """Log as many lines as were asked for."""
    for number in range(1, parameters.lines + 1):
        context.log(f"line {number}", run=context.attempt)


def wait(parameters: BehaviourParameters, context: TaskContext) -> None:
    """Log once more when told to stop."""
    try:
        context.wait(parameters.seconds)
    finally:
        context.log("cleaned up")


def chatter(parameters: BehaviourParameters, context: TaskContext) -> None:
    """Log all the time."""
    deadline = time.monotonic() + parameters.seconds
    while time.monotonic() < deadline:
        context.log("still here")
        context.wait(0.02)


def fail(_parameters: BehaviourParameters, _context: TaskContext) -> None:
    """Fail after what was logged."""
    raise RuntimeError("as it was asked to")


def kill_itself(_parameters: BehaviourParameters, _context: TaskContext) -> None:
    """Take the process with it."""
    os.kill(os.getpid(), signal.SIGKILL)


def trace_itself(_parameters: BehaviourParameters, _context: TaskContext) -> None:
    """Make a span of its own."""
    with trace.get_tracer("handler").start_as_current_span("own"):
        pass


def talk(_parameters: BehaviourParameters, context: TaskContext) -> None:
    """Report progress faster than it is written."""
    for done in range(10):
        context.progress(done / 10, f"{done} of 10")


def lack(_parameters: BehaviourParameters, _context: TaskContext) -> None:
    """Need what the workers of one queue have not."""
    if "lacking" in get_settings().worker_queues:
        raise MissingRequirement("This worker has no program.")


SPEAKING = {
    "lacks": lack,
    "talks": talk,
    "waits": wait,
    "chatters": chatter,
    "fails": fail,
    "traces": trace_itself,
    "kills": kill_itself,
}


def run(parameters: BehaviourParameters, context: TaskContext) -> Any:
    """Ignore being told to stop (deaf), or even being interrupted (stubborn), or return what cannot be stored."""
    say_lines(parameters, context)
    if parameters.behaviour == "deaf":
        time.sleep(parameters.seconds)
    elif speak := SPEAKING.get(parameters.behaviour):
        speak(parameters, context)
    elif parameters.behaviour == "stubborn":
        deadline = time.monotonic() + parameters.seconds
        while time.monotonic() < deadline:
            try:
                time.sleep(1)
            except BaseException:  # noqa: S112 - this is what it is for
                continue
    elif parameters.behaviour == "unpicklable":
        raise Unpicklable
    elif parameters.behaviour == "exits":
        raise SystemExit(3)
    elif parameters.behaviour == "huge":
        return "x" * 2_000_000
    elif parameters.behaviour == "object":
        return object()
    return "done"


behave = TaskType(
    name="behave", description="Misbehaves.", parameters=BehaviourParameters, handler="atropos_test_types:run"
)
#: Its handler is in a module that this machine has not.
unloadable = TaskType(
    name="unloadable",
    description="Cannot be imported by a worker.",
    parameters=BehaviourParameters,
    handler="atropos_test_nowhere:run",
)
