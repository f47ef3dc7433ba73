"""The parameters of `report_generation`. A part of builtin_types.py."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from atropos_core.catalog import TaskParameters
from atropos_core.data_parameters import ColumnName
from atropos_core.simulation_parameters import SIMULATION, SimulationParameters
from atropos_core.sources import Source

Aggregate = Literal["sum", "mean", "count", "min", "max"]
ReportFormat = Literal["pdf", "html"]
TemplateName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Chart(TaskParameters):
    """A picture of two columns."""

    kind: Literal["bar", "line", "area", "scatter", "pie"] = "bar"
    x: ColumnName = Field(
        description="The column along the axis; of a pie, the one whose values are slices.", examples=["day"]
    )
    y: ColumnName | None = Field(
        None, description="The column that is shown; without one rows are counted.", examples=["amount"]
    )
    aggregate: Aggregate | None = Field(
        None, description="What is shown of the rows with the same x; `sum` if not given, and `count` without y."
    )
    title: str | None = Field(None, min_length=1, max_length=200, description="Above it; made of the columns' names.")

    @model_validator(mode="after")
    def _make_sense_together(self) -> "Chart":
        if self.kind == "scatter" and (self.y is None or self.aggregate is not None):
            raise ValueError("a scatter chart shows each row: it needs `y`, and has no `aggregate`")
        if self.y is None and self.aggregate not in (None, "count"):
            raise ValueError(f"`aggregate` {self.aggregate!r} needs `y`")
        return self


class ReportGenerationParameters(SimulationParameters):
    source: Source | None = Field(None, description="A table: CSV, JSON or Parquet; without one it pretends.")
    title: str = Field("Report", max_length=200, description="Its title.")
    pages: int = Field(10, ge=1, le=100_000, description="Pages of the pretended report.", json_schema_extra=SIMULATION)
    subtitle: str | None = Field(None, max_length=500, description="A line below the title.")
    columns: list[ColumnName] | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="The columns of its table, in this order; all if not given.",
        examples=[["day", "amount"]],
    )
    charts: list[Chart] = Field([], max_length=20, description="Charts of the whole table.")
    totals: list[ColumnName] = Field(
        [],
        max_length=20,
        description="Columns whose sums over the whole table are shown.",
        examples=[["amount"]],
    )
    rows: int = Field(200, ge=0, le=10_000, description="The first rows, which are shown as a table.")
    template: TemplateName = Field("default", description="The name of a template that the worker has.")
    formats: list[ReportFormat] = Field(["pdf"], min_length=1, max_length=2, description="What is made.")

    @model_validator(mode="after")
    def _know_all_names(self) -> "ReportGenerationParameters":
        if self.source is not None:
            self.refuse_unknown_names()
        return self
