"""The parameters of `data_processing`. A part of builtin_types.py."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from atropos_core.catalog import TaskParameters
from atropos_core.simulation_parameters import SIMULATION, SimulationParameters
from atropos_core.sources import Source

#: The formats of tables, read and written.
TableFormat = Literal["csv", "json", "parquet"]
ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
TABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
TableName = Annotated[str, Field(pattern=TABLE_NAME)]


def _check_names(sources: dict[str, Source]) -> dict[str, Source]:
    for name in sources:
        if not re.match(TABLE_NAME.replace("$", r"\Z"), name):
            raise ValueError(f"{name!r} is no name of a table: letters, digits and `_`, at most 63, and no digit first")
    return sources


#: As TableName for the keys of a mapping, whose pattern pydantic would write into the schema as a mere choice.
Sources = Annotated[
    dict[str, Source],
    Field(min_length=1, max_length=20, json_schema_extra={"propertyNames": {"pattern": TABLE_NAME}}),
    AfterValidator(_check_names),
]
#: The `json_schema_extra` of what one table alone has no use for.
SEVERAL: JsonDict = {"x-section": {"title": "Several tables", "unless": ["source"]}}
#: What the table is called that is made of `source`.
SINGLE = "source"
#: What `sql` takes the place of.
OPERATIONS = ("select", "filter", "group_by", "aggregates", "join", "order_by", "limit")


class Join(TaskParameters):
    """Rows of two sources side by side."""

    model_config = ConfigDict(strict=True, extra="forbid", serialize_by_alias=True)

    with_table: TableName = Field(alias="with", description="The name of the second source.", examples=["shops"])
    on: list[ColumnName] = Field(
        min_length=1, max_length=100, description="Columns that both have, and that agree.", examples=[["shop_id"]]
    )
    how: Literal["inner", "left", "right", "full"] = Field("inner", description="Whose rows are kept without a match.")


class DataOutput(TaskParameters):
    """What is made."""

    format: TableFormat = Field("parquet", description="Of the artifact `data`; JSON is one array of objects.")


class DataProcessingParameters(SimulationParameters):
    rows: int = Field(
        1000, ge=0, le=10**12, description="Rows of the pretended data set.", json_schema_extra=SIMULATION
    )
    source: Source | None = Field(None, description="A table to work on, called `source`; without one it pretends.")
    sources: Sources | None = Field(
        None,
        description="Several tables, by name, in place of `source`.",
        examples=[
            {
                "sales": {"file_id": "019ab5c2-6f08-7c41-a3d5-93b1e7f20c11"},
                "shops": {"url": "https://example.org/shops.csv"},
            }
        ],
        json_schema_extra=SEVERAL,
    )
    format: TableFormat | None = Field(None, description="Of all sources; told by name or content if not given.")
    filter: str | None = Field(
        None,
        min_length=1,
        max_length=10_000,
        description="An SQL expression: rows to keep.",
        examples=["amount > 0"],
    )
    join: Join | None = Field(None, description="Joins the two of `sources`.", json_schema_extra=SEVERAL)
    group_by: list[ColumnName] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Columns: one row for each of their values.",
        examples=[["shop"]],
    )
    aggregates: dict[ColumnName, Annotated[str, Field(min_length=1, max_length=10_000)]] | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="New columns by name: SQL expressions such as `sum(amount)`.",
        examples=[{"total": "sum(amount)", "orders": "count(*)"}],
    )
    select: list[ColumnName] | None = Field(
        None, min_length=1, max_length=2000, description="The columns to keep.", examples=[["shop", "total"]]
    )
    order_by: list[ColumnName] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Columns to sort by; with `-` before its name descending.",
        examples=[["-total"]],
    )
    limit: int | None = Field(None, ge=0, le=10**12, description="The most rows to keep.")
    sql: str | None = Field(
        None,
        min_length=1,
        max_length=50_000,
        title="SQL",
        description="One SELECT, in place of the operations above.",
        examples=["SELECT shop, sum(amount) AS total FROM source GROUP BY shop"],
    )
    output: DataOutput | None = Field(None, description="The format of what is made; Parquet if not given.")

    @model_validator(mode="after")
    def _make_sense_together(self) -> "DataProcessingParameters":
        if self.source is None and self.sources is None:
            return self
        if self.source is not None and self.sources is not None:
            raise ValueError("give `source` or `sources`, not both")
        self.refuse_unknown_names()
        named = [name for name in OPERATIONS if getattr(self, name) is not None]
        if self.sql is not None and named:
            raise ValueError(f"`sql` takes the place of `{named[0]}`: give one of them")
        if self.group_by is not None and self.aggregates is None:
            raise ValueError("`group_by` needs `aggregates`")
        if self.sql is None:
            self._check_tables()
        return self

    def _check_tables(self) -> None:
        names = self.table_names
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("names of `sources` must differ by more than upper and lower case")
        if self.join is None and len(names) > 1:
            raise ValueError("several `sources` need `join` or `sql`")
        if self.join is not None and (len(names) != 2 or self.join.with_table not in names):
            raise ValueError("`join` needs two `sources`, and its `with` is the name of the second; for more use `sql`")

    @property
    def table_names(self) -> list[str]:
        """What the sources are called in SQL; empty where it pretends."""
        if self.source is not None:
            return [SINGLE]
        return list(self.sources or ())
