"""Task types that misbehave, found by the processes of tests through PYTHONPATH."""

import threading
import time
from typing import Any

from atropos_core.catalog import TaskParameters, TaskType
from atropos_worker.context import TaskContext


class BehaviourParameters(TaskParameters):
    behaviour: str = "deaf"
    seconds: float = 60


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__("cannot be pickled \x00 \ud800")
        self.lock = threading.Lock()


def run(parameters: BehaviourParameters, context: TaskContext) -> Any:
    """Ignore being told to stop (deaf), or even being interrupted (stubborn), or return what cannot be stored."""
    if parameters.behaviour == "deaf":
        time.sleep(parameters.seconds)
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
