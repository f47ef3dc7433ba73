"""Makes a report of a table, or pretends to typeset one where no source is given."""

from pydantic import BaseModel

from atropos_core.builtin_types import ReportGenerationParameters
from atropos_worker.context import TaskContext
from atropos_worker.handlers.report import work
from atropos_worker.handlers.report.work import ReportResult, Work
from atropos_worker.handlers.simulation import pretend

#: About what a page of text and one chart takes as PDF.
BYTES_PER_PAGE = 48_000


class ReportGenerationResult(BaseModel):
    simulated: bool = True
    title: str
    pages: int
    format: str = "pdf"
    size_bytes: int


def run(parameters: ReportGenerationParameters, context: TaskContext) -> ReportGenerationResult | ReportResult:
    """The handler."""
    if parameters.source is not None:
        work.require()
        return Work(parameters, context, context.input(parameters.source)).run()
    return _simulated(parameters, context)


def _simulated(parameters: ReportGenerationParameters, context: TaskContext) -> ReportGenerationResult:
    pretend(parameters, context, activity="typesetting")
    size = parameters.pages * BYTES_PER_PAGE
    return ReportGenerationResult(title=parameters.title, pages=parameters.pages, size_bytes=size)
