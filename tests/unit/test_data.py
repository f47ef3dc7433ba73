"""The work on tables, with real DuckDB: what comes out."""

import json
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from atropos_core.builtin_types import data_processing
from atropos_sdk import Stopped, testing
from tests.unit.data_rehearsal import CONTENT, address, rehearse, rows, sales

SHOPS = "shop,city\nnorth,Oslo\nsouth,Rome\nwest,Faro\n"
#: Takes minutes, and can be interrupted.
LONG = "SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE i % 7 = 3"


@pytest.mark.parametrize(
    ("file_format", "expected"), [("csv", "n,n_1\n9007199254740995,2\n"), ("json", '"n":9007199254740995')]
)
def test_sums_of_integers_are_exact_integers(file_format: str, expected: str, tmp_path: Path) -> None:
    """Beyond what a float can hold, and in each format, also where two columns have one name."""
    content = "n\n9007199254740993\n2\n"
    ran = sales(
        tmp_path, content=content, sql="SELECT sum(n) AS n, count(*) AS n FROM source", output={"format": file_format}
    )
    assert ran.error is None
    assert expected in ran.artifacts[f"data.{file_format}"].read_text()
    kept = ran.result["profile"][0]
    assert (kept["type"], kept["maximum"]) == ("DECIMAL(38,0)", 9007199254740995)


def test_a_table_is_put_into_parquet_and_profiled(tmp_path: Path) -> None:
    """Types are told from the content; the result has rows, columns, bytes and the profile."""
    ran = sales(tmp_path)
    assert len(rows(ran)) == 4
    assert {name: ran.result[name] for name in ("simulated", "name", "format", "rows", "columns")} == {
        "simulated": False,
        "name": "data.parquet",
        "format": "parquet",
        "rows": 4,
        "columns": 3,
    }
    assert ran.result["size_bytes"] == ran.artifacts["data.parquet"].stat().st_size
    amount = {"name": "amount", "type": "DOUBLE", "nulls": 1, "minimum": 1.5, "maximum": 3, "approximate_distinct": 3}
    assert ran.result["profile"][1] == amount
    assert ran.result["profile"][2]["maximum"] == "2026-01-04"
    assert json.loads(ran.artifacts["profile.json"].read_text()) == {"rows": 4, "columns": ran.result["profile"]}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ({"select": ["amount", "shop"], "limit": 1}, [(1.5, "north")]),
        ({"filter": "amount > 1.5 AND shop <> 'south'", "select": ["amount"]}, [(3.0,)]),
        ({"order_by": ["-amount"], "select": ["shop"], "filter": "amount > 0"}, [("north",), ("south",), ("north",)]),
        (
            {"group_by": ["shop"], "aggregates": {"total": "sum(amount)", "n": "count(*)"}, "order_by": ["shop"]},
            [("east", None, 1), ("north", 4.5, 2), ("south", 2.0, 1)],
        ),
        ({"aggregates": {"n": "count(*)"}}, [(4,)]),
        ({"sql": "SELECT shop FROM source ORDER BY amount DESC NULLS LAST LIMIT 1"}, [("north",)]),
        ({"sql": "WITH x AS (FROM source) SELECT count(*) FROM X, unnest([1, 2])"}, [(8,)]),
        ({"filter": "true -- all of them", "aggregates": {"n": "count(*) -- so many"}}, [(4,)]),
    ],
)
def test_operations(operations: dict[str, Any], expected: list[Any], tmp_path: Path) -> None:
    """Filter, group, select, sort and limit; or one SELECT."""
    assert rows(sales(tmp_path, **operations)) == expected


@pytest.mark.parametrize(("how", "expected"), [("inner", 3), ("left", 4), ("right", 4), ("full", 5)])
def test_two_tables_are_joined(how: str, expected: int, tmp_path: Path) -> None:
    """By the columns that both have."""
    sources = {"shops": address("shops.csv"), "sales": address("sales.csv")}
    parameters = {"sources": sources, "join": {"with": "shops", "on": ["shop"], "how": how}}
    ran = rehearse(tmp_path, {"shops.csv": SHOPS, "sales.csv": CONTENT}, parameters)
    assert len(rows(ran)) == expected
    assert [column["name"] for column in ran.result["profile"]] == ["shop", "amount", "day", "city"]


@pytest.mark.parametrize("output", ["csv", "json"])
def test_other_formats_are_written(output: str, tmp_path: Path) -> None:
    """Types survive in the profile, and what is written can be read again."""
    ran = sales(tmp_path, output={"format": output}, select=["shop", "day"])
    assert sorted(ran.artifacts) == [f"data.{output}", "profile.json"]
    assert ran.result["profile"][1]["type"] == "DATE"
    text = ran.artifacts[f"data.{output}"].read_text()
    if output == "csv":
        assert text.splitlines()[:2] == ["shop,day", "north,2026-01-01"]
    else:
        assert json.loads(text)[0] == {"shop": "north", "day": "2026-01-01"}


@pytest.mark.parametrize(
    ("name", "content", "given"),
    [
        ("x.jsonl", '{"a": 1}\n{"a": 2}\n', None),
        ("x.json", '[{"a": 1}, {"a": 2}]', None),
        ("content", '\ufeff {"a": 1}\n{"a": 2}\n', None),
        ("content", "a\n1\n2\n", None),
        ("x.dat", '{"a": 1}\n{"a": 2}\n', "json"),
        ("a[1]*'?.csv", "a\n1\n2\n", None),
    ],
)
def test_formats_are_told_apart(name: str, content: str, given: str | None, tmp_path: Path) -> None:
    """By what is given, by the name, or by the content; a name may hold what DuckDB takes for a pattern."""
    assert rows(sales(tmp_path, name=name, content=content, **({"format": given} if given else {}))) == [(1,), (2,)]


def test_parquet_without_a_name_is_read(tmp_path: Path) -> None:
    """What one task made is what the next one takes."""
    made = sales(tmp_path).artifacts["data.parquet"].read_bytes()
    (tmp_path / "next").mkdir()
    assert len(rows(sales(tmp_path / "next", name="content", content=made))) == 4


def test_it_stops_when_told(tmp_path: Path) -> None:
    """A statement of minutes is interrupted within a second or two, and nothing is kept."""
    started = time.monotonic()
    ran = rehearse(tmp_path, {"sales.csv": CONTENT}, {"source": address("sales.csv"), "sql": LONG}, stop_after=0.3)
    assert isinstance(ran.error, Stopped)
    assert time.monotonic() - started < 10
    assert not ran.artifacts


def test_progress_only_grows(tmp_path: Path) -> None:
    """And tells what is being done."""
    large = tmp_path / "large.csv"
    duckdb.sql(f"COPY (SELECT range AS a, hash(range) AS b FROM range(2000000)) TO '{large}'")
    ran = testing.run(data_processing, {"source": address("large.csv")}, inputs={address("large.csv")["url"]: large})
    assert ran.error is None
    fractions = [fraction for fraction, _ in ran.progress]
    assert fractions == sorted(fractions)
    assert [part for part in fractions if 0 < part < 0.8]
    assert "writing rows" in {message for _, message in ran.progress}


@pytest.mark.parametrize(
    ("select", "minimum"),
    [
        ("18446744073709551615::HUGEINT AS x", 18446744073709551615),
        ("'NaN'::DOUBLE AS x", "nan"),
        ("[1, 2] AS x", "[1, 2]"),
        ("MAP {'a': 1} AS x", "{a=1}"),
        ("TIMESTAMPTZ '2026-01-01 00:00:00+00' AS x", "2026-01-01 00:00:00+00"),
        ("chr(0) AS x", "\N{REPLACEMENT CHARACTER}"),
        ("repeat('é', 1000) AS x", "é" * 200 + "…"),
        ("NULL AS x", None),
        ("1 AS x WHERE false", None),
    ],
)
def test_all_types_are_profiled(select: str, minimum: object, tmp_path: Path) -> None:
    """Also those that JSON and PostgreSQL have no value for; what is long is cut."""
    profile = sales(tmp_path, sql=f"SELECT {select}").result["profile"][0]
    assert profile["name"] == "x"
    assert profile["minimum"] == minimum


def test_the_result_has_the_first_columns(tmp_path: Path) -> None:
    """And the artifact all of them."""
    ran = sales(tmp_path, sql="SELECT " + ", ".join(f"{number} AS c{number}" for number in range(300)))
    assert (ran.result["columns"], len(ran.result["profile"])) == (300, 100)
    assert len(json.loads(ran.artifacts["profile.json"].read_text())["columns"]) == 300


def test_without_a_source_it_pretends() -> None:
    """As it always did."""
    assert testing.run(data_processing, {"rows": 100, "colour": "red"}).result["rows_kept"] == 98
