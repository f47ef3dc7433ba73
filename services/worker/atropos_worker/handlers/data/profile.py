"""What is in a table, column by column. work.py calls it."""

import math

from pydantic import BaseModel

from atropos_worker.handlers.data.engine import Engine, Follow
from atropos_worker.handlers.data.tables import identifier

#: Longer values, and names in the result, are cut.
SHOWN_CHARACTERS = 200
INTEGERS = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")} | {
    "INTEGER",
    "UINTEGER",
}
FLOATS = {"FLOAT", "DOUBLE"}


class ColumnProfile(BaseModel):
    """One column. The least and the greatest value are numbers where JSON has them, or else text."""

    name: str
    type: str
    nulls: int
    minimum: int | float | str | None
    maximum: int | float | str | None
    #: Different values, give or take a few percent.
    approximate_distinct: int


class Profile(BaseModel):
    """The artifact `profile.json`."""

    rows: int
    columns: list[ColumnProfile]


def profile(engine: Engine, table: str, follow: Follow) -> Profile:
    """The profile of what SQL calls `table`. Raises as the engine does."""
    columns = engine.columns(f"SELECT * FROM {table}")
    asked = ["count(*)"]
    for name, _ in columns:
        column = identifier(name)
        # As text, since Python has no value for some types.
        asked += [f"count({column})", f"CAST(min({column}) AS VARCHAR)", f"CAST(max({column}) AS VARCHAR)"]
        asked += [f"approx_count_distinct({column})"]
    rows, *found = engine.execute(f"SELECT {', '.join(asked)} FROM {table}", follow=follow)[0]
    profiles = []
    for number, (name, kind) in enumerate(columns):
        present, least, greatest, distinct = found[4 * number : 4 * number + 4]
        profiles.append(
            ColumnProfile(
                name=shown(name),
                type=shown(kind),
                nulls=rows - present,
                minimum=_value(least, kind),
                maximum=_value(greatest, kind),
                approximate_distinct=distinct,
            )
        )
    return Profile(rows=rows, columns=profiles)


def shown(text: str) -> str:
    """The text as it can be kept: cut, and without the character that PostgreSQL does not know."""
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _value(text: str | None, kind: str) -> int | float | str | None:
    if text is None:
        return None
    if kind in INTEGERS or (kind.startswith("DECIMAL") and kind.endswith(",0)")):
        return int(text)
    if kind in FLOATS and math.isfinite(number := float(text)):
        return number
    return shown(text)
