"""What is in a report: read from its table, as plain data that templates show. work.py calls it."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from atropos_core.report_parameters import ReportGenerationParameters
from atropos_worker.handlers.data.engine import Engine
from atropos_worker.handlers.data.profile import FLOATS, INTEGERS, shown
from atropos_worker.handlers.data.tables import identifier
from atropos_worker.outcome import Permanent

#: What the table is called in SQL.
TABLE = '"source"'
#: A table with more is not to be read on paper.
MAXIMUM_COLUMNS = 40
#: Digits after the point that a column of numbers is filled up to.
MAXIMUM_DIGITS = 4
#: Significant digits of a number, which leave out the noise of its last binary ones: cents are right up to ten billion.
SIGNIFICANT_DIGITS = 12
PLAIN = re.compile(r"-?\d+(\.\d+)?")


class Column(BaseModel):
    """A column of the table that is shown."""

    name: str
    numeric: bool
    #: The characters of its longest cell, within reason: how wide it is beside the others.
    width: int


class Total(BaseModel):
    """The sum of a column."""

    name: str
    value: str


class ChartFile(BaseModel):
    """A chart, for templates."""

    title: str
    #: Says in words what it shows, for those who cannot see it.
    description: str
    #: The picture, beside `report.json`.
    file: str


class Content(BaseModel):
    """All that a template is given, as `report.json`."""

    title: str
    subtitle: str | None
    #: The day that it was made, in words and as ISO 8601 has it; in UTC.
    date: str
    day: str
    columns: list[Column]
    #: Cells as text; none is a NULL.
    rows: list[list[str | None]]
    #: Of the whole table.
    row_count: int
    totals: list[Total]
    charts: list[ChartFile]


def is_number(kind: str) -> bool:
    """Whether a type of DuckDB's is one of numbers."""
    return kind in INTEGERS | FLOATS or kind.startswith("DECIMAL")


def read(engine: Engine, parameters: ReportGenerationParameters, kinds: dict[str, str]) -> Content:
    """The content without its charts. `kinds` are the types of the columns, by name. Raises as the engine does."""
    names = parameters.columns or list(kinds)
    for name in [*names, *parameters.totals]:
        require(name, kinds)
    if len(names) > MAXIMUM_COLUMNS:
        raise Permanent(f"the table has {len(names)} columns: name at most {MAXIMUM_COLUMNS} in `columns`")
    asked = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
    found = engine.execute(f"SELECT {asked} FROM {TABLE} LIMIT {parameters.rows}") if parameters.rows else []
    shown_columns = [cells([row[place] for row in found], kinds[name]) for place, name in enumerate(names)]
    count, totals = _sums(engine, parameters.totals, kinds)
    now = datetime.now(UTC)
    return Content(
        title=parameters.title,
        subtitle=parameters.subtitle,
        date=f"{now.day} {now:%B %Y}",
        day=now.date().isoformat(),
        columns=[_column(name, kinds[name], cells) for name, cells in zip(names, shown_columns, strict=True)],
        rows=[list(row) for row in zip(*shown_columns, strict=True)],
        row_count=count,
        totals=totals,
        charts=[],
    )


def require(name: str, kinds: dict[str, str], *, number_for: str | None = None) -> None:
    """Raises Permanent unless there is such a column, and of numbers if it is needed for something."""
    if name not in kinds:
        known = ", ".join(map(repr, list(kinds)[:MAXIMUM_COLUMNS]))
        raise Permanent(f"there is no column {name!r}: the table has {known}")
    if number_for is not None and not is_number(kinds[name]):
        raise Permanent(f"{number_for} needs numbers, and column {name!r} is {kinds[name]}")


def _sums(engine: Engine, names: list[str], kinds: dict[str, str]) -> tuple[int, list[Total]]:
    for name in names:
        require(name, kinds, number_for="a total")
    # The sum of floats that does not add up what is rounded off.
    sums = [f"CAST({'fsum' if kinds[name] in FLOATS else 'sum'}({identifier(name)}) AS VARCHAR)" for name in names]
    count, *found = engine.execute(f"SELECT {', '.join(['count(*)', *sums])} FROM {TABLE}")[0]
    return int(count), [
        Total(name=shown(name), value=_grouped(text, kinds[name])) for name, text in zip(names, found, strict=True)
    ]


def _column(name: str, kind: str, texts: list[str | None]) -> Column:
    longest = max((len(text) for text in [name, *texts] if text is not None), default=0)
    return Column(name=shown(name), numeric=is_number(kind), width=min(max(longest, 4), 40))


def _grouped(text: str | None, kind: str) -> str:
    """A sum with its digits in groups of three."""
    [said] = cells([text or "0"], kind)
    whole, point, part = (said or "0").partition(".")
    return f"{int(whole):,}{point}{part}" if whole.lstrip("-").isdecimal() and len(whole) < 40 else whole + point + part


def cells(texts: list[str | None], kind: str) -> list[str | None]:
    """What the values of a column are shown as: numbers with the same digits after the point, where a few suffice."""
    if kind not in FLOATS:
        return [None if text is None else shown(text) for text in texts]
    short = [
        text if text is None or not math.isfinite(float(text)) else f"{float(text):.{SIGNIFICANT_DIGITS}g}"
        for text in texts
    ]
    digits = max((len(text.partition(".")[2]) for text in short if text is not None), default=0)
    if digits > MAXIMUM_DIGITS or any(text is not None and not PLAIN.fullmatch(text) for text in short):
        return short
    return [None if text is None else f"{float(text):.{digits}f}" for text in short]


def number(value: Any) -> float | int | None:
    """A value as charts take it; none if it cannot be drawn."""
    return value if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)) else None
