"""Works on tables, or pretends to profile a data set where no source is given."""

from pydantic import BaseModel

from atropos_core.builtin_types import DataProcessingParameters
from atropos_core.data_parameters import SINGLE
from atropos_worker.context import TaskContext
from atropos_worker.handlers.data import engine
from atropos_worker.handlers.data.work import DataReport, Work
from atropos_worker.handlers.simulation import pretend


class DataProcessingResult(BaseModel):
    simulated: bool = True
    rows_read: int
    rows_kept: int
    rows_dropped: int
    processing_time: float


def run(parameters: DataProcessingParameters, context: TaskContext) -> DataProcessingResult | DataReport:
    """The handler."""
    sources = {SINGLE: parameters.source} if parameters.source is not None else parameters.sources
    if sources is not None:
        engine.require()
        return Work(parameters, context, {name: context.input(source) for name, source in sources.items()}).run()
    return _simulated(parameters, context)


def _simulated(parameters: DataProcessingParameters, context: TaskContext) -> DataProcessingResult:
    pretend(parameters, context, activity="reading rows")
    dropped = parameters.rows // 50
    return DataProcessingResult(
        rows_read=parameters.rows,
        rows_kept=parameters.rows - dropped,
        rows_dropped=dropped,
        processing_time=parameters.processing_time,
    )
