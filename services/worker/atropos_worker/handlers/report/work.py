"""The work of one report task: read the table, draw its charts, make the files. report_generation.py calls it."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from atropos_core.report_parameters import ReportFormat, ReportGenerationParameters
from atropos_worker.handlers.data import engine
from atropos_worker.handlers.data.engine import Engine
from atropos_worker.handlers.data.tables import table
from atropos_worker.handlers.report import charts, document, templates
from atropos_worker.handlers.report.content import TABLE, ChartFile, Content, Total, read
from atropos_worker.outcome import MissingRequirement

#: What the extra `report` brings.
LIBRARIES = ("duckdb", "typst", "vl_convert", "jinja2")
MEDIA_TYPES: dict[ReportFormat, str] = {"pdf": "application/pdf", "html": "text/html"}
#: Of the progress, what is over when the table is read, and when the charts are drawn.
READ, DRAWN = 0.2, 0.5


class Made(BaseModel):
    """One artifact."""

    name: str
    size_bytes: int


class ReportResult(BaseModel):
    """The result of a task with a source."""

    simulated: bool = False
    title: str
    template: str
    #: Of the table, and of those how many are shown.
    rows: int
    rows_shown: int
    charts: int
    #: Of the PDF, if there is one.
    pages: int | None = None
    totals: list[Total]
    made: list[Made]


class Context(engine.Context, Protocol):
    """What of a TaskContext this needs."""

    def artifact(self, path: Path, *, name: str | None = None, media_type: str | None = None) -> object: ...

    def log(self, message: str, /, **fields: object) -> None: ...


def require() -> None:
    """Raises MissingRequirement if the worker lacks a library. Called before the source is fetched."""
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        raise MissingRequirement(f"This worker has no {missing[0]}: install atropos-worker[report].")


class Work:
    """One attempt."""

    def __init__(self, parameters: ReportGenerationParameters, context: Context, source: Path) -> None:
        self._parameters = parameters
        self._context = context
        self._table = table("source", source, None)
        self._folder = context.scratch / "report"
        self._formats = list(dict.fromkeys(parameters.formats))

    def run(self) -> ReportResult:
        """Do it all. Raises Permanent, Stopped, and what may be tried again."""
        template = templates.find(self._parameters.template, self._formats)
        shutil.copytree(template, self._folder)
        content = self._content()
        (self._folder / "report.json").write_text(content.model_dump_json())
        self._context.log("read", rows=content.row_count, charts=len(content.charts))
        result = ReportResult(
            title=content.title,
            template=self._parameters.template,
            rows=content.row_count,
            rows_shown=len(content.rows),
            charts=len(content.charts),
            totals=content.totals,
            made=[],
        )
        # HTML takes a moment, and Typst may take long.
        for each in sorted(self._formats):
            self._make(each, content, result)
        return result

    def _content(self) -> Content:
        self._context.progress(0, "reading the table")
        with Engine(self._context, [self._table]) as opened:
            kinds = dict(opened.columns(f"SELECT * FROM {TABLE}"))
            content = read(opened, self._parameters, kinds)
            content.charts = list(self._charts(opened, kinds))
        return content

    def _charts(self, opened: Engine, kinds: dict[str, str]) -> Iterator[ChartFile]:
        wanted = self._parameters.charts
        for number, chart in enumerate(wanted):
            self._context.progress(READ + (DRAWN - READ) * number / len(wanted), "drawing charts")
            name = f"chart-{number + 1}.svg"
            (self._folder / name).write_text(charts.draw(opened, chart, kinds))
            yield ChartFile(title=charts.title(chart), description=charts.describe(chart), file=name)

    def _make(self, each: ReportFormat, content: Content, result: ReportResult) -> None:
        self._context.progress(DRAWN, f"making the {each}")
        if each == "pdf":
            made = document.pdf(self._folder, self._parameters.template, self._context.raise_if_stopped)
            result.pages = document.pages(made)
        else:
            made = document.html(self._folder, self._parameters.template, content)
        name = f"report.{each}"
        result.made.append(Made(name=name, size_bytes=made.stat().st_size))
        self._context.artifact(made, name=name, media_type=MEDIA_TYPES[each])
