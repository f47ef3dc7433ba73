"""Waits, and returns what it was given."""

from typing import Any

from pydantic import BaseModel

from atropos_core.builtin_types import SimulationParameters
from atropos_worker.context import TaskContext
from atropos_worker.handlers.simulation import pretend


class DefaultResult(BaseModel):
    echo: dict[str, Any]


def run(parameters: SimulationParameters, context: TaskContext) -> DefaultResult:
    """The handler."""
    pretend(parameters, context, activity="waiting")
    return DefaultResult(echo=parameters.model_extra or {})
