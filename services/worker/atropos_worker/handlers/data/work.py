"""The work of one data task: read the tables, run the SELECT, write and profile what it returns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from atropos_core.data_parameters import DataOutput, DataProcessingParameters, TableFormat
from atropos_worker.handlers.data import engine
from atropos_worker.handlers.data.engine import Engine, Follow
from atropos_worker.handlers.data.profile import ColumnProfile, Profile, profile
from atropos_worker.handlers.data.statement import compose
from atropos_worker.handlers.data.tables import literal, table

#: Of the profile, the result has the first columns; the artifact has all.
SHOWN_COLUMNS = 100
#: How DuckDB writes each format.
OPTIONS: dict[TableFormat, str] = {
    "parquet": "FORMAT parquet",
    "csv": "FORMAT csv, HEADER true",
    "json": "FORMAT json, ARRAY true",
}
MEDIA_TYPES: dict[TableFormat, str] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "json": "application/json",
}
#: Of the progress, what is over when the table is there, and when it is profiled.
WRITTEN, PROFILED = 0.8, 0.9


class DataReport(BaseModel):
    """The result of a task with a source."""

    simulated: bool = False
    #: The artifact.
    name: str
    format: TableFormat
    rows: int
    columns: int
    size_bytes: int
    #: Of the first columns.
    profile: list[ColumnProfile]


class Context(engine.Context, Protocol):
    """What of a TaskContext this needs."""

    def artifact(self, path: Path, *, name: str | None = None, media_type: str | None = None) -> object: ...

    def log(self, message: str, /, **fields: object) -> None: ...


class Work:
    """One attempt."""

    def __init__(self, parameters: DataProcessingParameters, context: Context, sources: Mapping[str, Path]) -> None:
        """`sources` are the local files, by the names of their tables."""
        self._context = context
        self._sql = compose(parameters)
        self._tables = [table(name, path, parameters.format) for name, path in sources.items()]
        self._format = (parameters.output or DataOutput()).format
        # What is asked for is written to Parquet first, which keeps types, and then put into its own format.
        self._whole = context.scratch / "data.parquet"
        self._target = context.scratch / f"data.{self._format}"

    def run(self) -> DataReport:
        """Do it all. Raises Permanent, Stopped, and what may be tried again."""
        with Engine(self._context, self._tables, [self._whole, self._target]) as opened:
            opened.check(self._sql)
            rows = opened.copy(self._sql, self._whole, OPTIONS["parquet"], self._follow("writing rows", 0, WRITTEN))
            written = f"read_parquet({literal(str(self._whole))}, hive_partitioning=false)"
            found = profile(opened, written, self._follow("profiling", WRITTEN, PROFILED))
            if self._target != self._whole:
                follow = self._follow(f"writing {self._format}", PROFILED, 1)
                opened.copy(f"SELECT * FROM {written}", self._target, OPTIONS[self._format], follow)
        self._context.log("written", rows=rows, columns=len(found.columns), format=self._format)
        return self._kept(found)

    def _follow(self, activity: str, start: float, end: float) -> Follow:
        """Shows how far a step is, as its part of all of them."""

        def follow(fraction: float) -> None:
            self._context.progress(start + (end - start) * fraction, activity)

        return follow

    def _kept(self, found: Profile) -> DataReport:
        size = self._target.stat().st_size
        self._context.artifact(self._target, name=self._target.name, media_type=MEDIA_TYPES[self._format])
        path = self._context.scratch / "profile.json"
        path.write_text(found.model_dump_json(indent=2))
        self._context.artifact(path, name=path.name, media_type="application/json")
        return DataReport(
            name=self._target.name,
            format=self._format,
            rows=found.rows,
            columns=len(found.columns),
            size_bytes=size,
            profile=found.columns[:SHOWN_COLUMNS],
        )
