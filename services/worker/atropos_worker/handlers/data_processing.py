"""Pretends to profile a data set."""

from pydantic import BaseModel

from atropos_core.builtin_types import DataProcessingParameters
from atropos_worker.context import TaskContext
from atropos_worker.handlers.simulation import pretend


class DataProcessingResult(BaseModel):
    simulated: bool = True
    rows_read: int
    rows_kept: int
    rows_dropped: int
    processing_time: float


def run(parameters: DataProcessingParameters, context: TaskContext) -> DataProcessingResult:
    """The handler."""
    pretend(parameters, context, activity="reading rows")
    dropped = parameters.rows // 50
    return DataProcessingResult(
        rows_read=parameters.rows,
        rows_kept=parameters.rows - dropped,
        rows_dropped=dropped,
        processing_time=parameters.processing_time,
    )
