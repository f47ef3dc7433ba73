"""The work on tables, with real DuckDB: what comes out, what is refused, and what nobody gets at."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from atropos_core.builtin_types import DataProcessingParameters, data_processing
from atropos_sdk import Permanent, Stopped, testing
from atropos_sdk.testing import Ran
from atropos_worker.handlers.data.failure import DuckDBFailed, failure

CONTENT = "shop,amount,day\nnorth,1.5,2026-01-01\nsouth,2,2026-01-02\nnorth,3,2026-01-03\neast,,2026-01-04\n"
SHOPS = "shop,city\nnorth,Oslo\nsouth,Rome\nwest,Faro\n"
#: Takes minutes, and can be interrupted.
LONG = "SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE i % 7 = 3"


def address(name: str) -> dict[str, str]:
    return {"url": f"http://files.test/{name}"}


def rehearse(folder: Path, files: dict[str, str | bytes], parameters: dict[str, Any], **options: Any) -> Ran:
    """The whole handler, with these files as its sources."""
    kept = folder / "given"
    kept.mkdir(exist_ok=True)
    for name, content in files.items():
        (kept / name).write_bytes(content.encode() if isinstance(content, str) else content)
    inputs = {address(name)["url"]: kept / name for name in files}
    return testing.run(data_processing, parameters, inputs=inputs, folder=folder, **options)


def sales(folder: Path, *, content: str | bytes = CONTENT, name: str = "sales.csv", **parameters: Any) -> Ran:
    return rehearse(folder, {name: content}, {"source": address(name), **parameters})


def rows(ran: Ran, name: str = "data.parquet") -> list[tuple[Any, ...]]:
    assert ran.error is None, ran.error
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(ran.artifacts[name])]).fetchall()


def refused(ran: Ran, *hidden: object) -> str:
    """Why it failed for good; nothing is kept, and no path of this machine is told."""
    assert isinstance(ran.error, Permanent), ran.error
    assert not ran.artifacts
    assert not [path for path in (ran.context.folder, *hidden) if str(path) in str(ran.error)]
    return str(ran.error)


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


def test_integers_of_39_digits_are_refused(tmp_path: Path) -> None:
    """Instead of being rounded without a word."""
    ran = sales(tmp_path, sql="SELECT 170141183460469231731687303715884105727::HUGEINT AS n")
    assert "Could not cast value 1701411834" in refused(ran)


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


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("COPY source TO '/tmp/x.csv'", "one SELECT"),
        ("ATTACH '/tmp/x.db'", "one SELECT"),
        ("PRAGMA database_list", "one SELECT"),
        ("SET memory_limit = '10GB'", "one SELECT"),
        ("INSTALL httpfs", "one SELECT"),
        ("CREATE TABLE x AS SELECT 1", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("SELECT 1; DROP VIEW source", "one SELECT"),
        ("-- nothing", "one SELECT"),
        ("SELECT FROM WHERE", "syntax error"),
        ("WITH x AS (COPY (SELECT 1) TO '{input}' (USE_TMP_FILE false)) SELECT 1", "it holds COPY"),
        ("WITH x AS (DELETE FROM source RETURNING *) SELECT 1", "it holds DELETE"),
        ("SELECT * FROM read_csv('/etc/passwd')", "must not call read_csv"),
        ("SELECT * FROM read_text('{input}')", "must not call read_text"),
        ("SELECT (SELECT max(file) FROM glob('/etc/*'))", "must not call glob"),
        ("SELECT * FROM '/etc/passwd'", "no table '/etc/passwd': it has source"),
        ("SELECT * FROM read_parquet('http://127.0.0.1:1/x')", "must not call read_parquet"),
        ("SELECT * FROM query('SELECT 1')", "must not call query"),
        ("SELECT * FROM \"JSON_execute_serialized_sql\"(json_serialize_sql('SELECT 1'))", "must not call json_exec"),
        ("SELECT * FROM duckdb_settings()", "must not call duckdb_settings"),
        ("SELECT * FROM duckdb_settings", "no table 'duckdb_settings'"),
        ("SELECT * FROM information_schema.tables", "no table 'information_schema.tables'"),
        ("SELECT current_setting('allowed_paths')", "must not call current_setting"),
        ("SELECT nothing FROM source", 'column "nothing" not found'),
        ("SELECT * FROM elsewhere", "no table 'elsewhere'"),
        ("SELECT $1", "parameters"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "nested|depth"),
    ],
)
def test_hostile_sql_is_refused(sql: str, why: str, tmp_path: Path) -> None:
    """For good, with a reason; the source is as it was."""
    given = tmp_path / "given" / "sales.csv"
    ran = sales(tmp_path, sql=sql.replace("{input}", str(given)))
    assert re.search(why, refused(ran))
    assert given.read_text() == CONTENT


@pytest.mark.parametrize(
    "operations",
    [
        {"filter": "true); DROP VIEW source; --"},
        {"filter": "shop IN (SELECT content FROM read_text('/etc/passwd'))"},
        {"aggregates": {"n": "(SELECT count(*) FROM glob('/etc/*'))"}},
        {"aggregates": {"n": "1 FROM range(3)) TO '/tmp/x' --"}},
        {"select": ['shop" FROM range(1) --']},
        {"order_by": ["nothing"]},
        {"group_by": ["nothing"], "aggregates": {"n": "count(*)"}},
    ],
)
def test_hostile_expressions_are_refused(operations: dict[str, Any], tmp_path: Path) -> None:
    """They are no way around what holds for SQL."""
    assert len(refused(sales(tmp_path, **operations))) > 15


@pytest.mark.parametrize("sql", ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM glob('/etc/*')"])
def test_duckdb_itself_is_locked_in(sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What gets past our own look is refused by DuckDB."""
    monkeypatch.setattr("atropos_worker.handlers.data.statement.check", lambda *_: None)
    assert "Permission Error" in refused(sales(tmp_path, sql=sql))


def test_a_changing_part_is_refused_by_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may change files at the top of a statement alone, and there is ours."""
    monkeypatch.setattr("atropos_worker.handlers.data.statement.check", lambda *_: None)
    given = tmp_path / "given" / "sales.csv"
    sql = f"WITH x AS (COPY (SELECT 1) TO '{given}' (USE_TMP_FILE false)) SELECT 1"
    assert "must be at the top level" in refused(sales(tmp_path, sql=sql))
    assert given.read_text() == CONTENT


def test_settings_cannot_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration is locked before a stranger's SQL is looked at."""
    from atropos_worker.handlers.data.engine import Engine

    ran = sales(tmp_path)
    (tmp_path / "scratch" / "duckdb").rename(tmp_path / "old")
    with Engine(ran.context, []) as engine, pytest.raises(Permanent, match="has been locked"):
        engine.execute("SET memory_limit = '10GB'")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.csv", "a,b\n" + "1,2\n" * 30_000 + "x,3\n", "Could not convert string \"x\" to 'BIGINT'"),
        ("x.csv", b"a,b\n\xe9\xff,2\n", "not utf-8"),
        ("x.json", '{"a": 1}\n{"a":', "Malformed JSON in file the file"),
        ("x.parquet", b"PAR1 broken PAR1", "DuckDB: "),
        ("x.parquet", b"", "DuckDB: "),
    ],
)
def test_broken_files_are_refused(name: str, content: str | bytes, why: str, tmp_path: Path) -> None:
    """In DuckDB's own words, without advice for others and paths of this machine."""
    said = refused(sales(tmp_path, name=name, content=content), tmp_path)
    assert why in said
    assert "Possible" not in said
    assert "sample_size" not in said


@pytest.mark.parametrize(
    ("name", "value", "sql", "why"),
    [
        (
            "data_memory_bytes",
            32 * 1024**2,
            "SELECT list(range) AS l FROM range(50000000)",
            "ATROPOS_DATA_MEMORY_BYTES",
        ),
        (
            "data_max_temporary_bytes",
            1_000_000,
            "SELECT range FROM range(60000000) ORDER BY hash(range)",
            "1,000,000 bytes on disk",
        ),
        ("data_max_output_bytes", 1_000_000, "SELECT hash(range) FROM range(100000000)", "1,000,000 bytes"),
    ],
)
def test_limits(
    name: str, value: int, sql: str, why: str, tmp_path: Path, setting: Callable[[str, object], None]
) -> None:
    """Memory, what is put aside on disk, and the result; the message names the setting."""
    setting(name, value)
    assert why in refused(sales(tmp_path, sql=sql))


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


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"source": address("a"), "sources": {"a": address("a")}}, "not both"),
        ({"source": address("a"), "filters": "true"}, "'filters'"),
        ({"source": address("a"), "sql": "SELECT 1", "limit": 1}, "takes the place of `limit`"),
        ({"source": address("a"), "group_by": ["a"]}, "needs `aggregates`"),
        ({"sources": {"a": address("a"), "b": address("b")}}, "need `join` or `sql`"),
        ({"source": address("a"), "join": {"with": "b", "on": ["x"]}}, "needs two `sources`"),
        ({"sources": {"a": address("a"), "A": address("b")}}, "upper and lower"),
        ({"sources": {"a b": address("a")}}, "no name of a table"),
        ({"sources": {"a\n": address("a")}}, "no name of a table"),
        ({"source": address("a"), "join": {"with": "b"}}, "on"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, Any], why: str) -> None:
    """Before there is a task."""
    with pytest.raises(ValidationError, match=why):
        DataProcessingParameters.model_validate_json(json.dumps(parameters))


def test_without_a_source_it_pretends() -> None:
    """As it always did."""
    assert testing.run(data_processing, {"rows": 100, "colour": "red"}).result["rows_kept"] == 98


def test_no_duckdb_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without it says what to install."""
    monkeypatch.setattr("atropos_worker.handlers.data.engine.find_spec", lambda _: None)
    assert "atropos-worker[data]" in refused(sales(tmp_path))


@pytest.mark.parametrize("said", ["IO Error: No space left on device", "INTERNAL Error: vector of the wrong type"])
def test_what_is_the_machines_fault_is_tried_again(said: str) -> None:
    """A full disk may be empty later."""
    assert type(failure(duckdb.Error(said), [])) is DuckDBFailed
