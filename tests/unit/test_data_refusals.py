"""What the work on tables refuses, and what nobody gets at: SQL of strangers, broken files, limits; in real DuckDB."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from atropos_core.builtin_types import DataProcessingParameters, data_processing
from atropos_sdk import MissingRequirement, Permanent, testing
from atropos_worker.handlers.data.failure import DuckDBFailed, failure
from tests.unit.data_rehearsal import CONTENT, address, sales
from tests.unit.refusal import refused


def test_integers_of_39_digits_are_refused(tmp_path: Path) -> None:
    """Instead of being rounded without a word."""
    ran = sales(tmp_path, sql="SELECT 170141183460469231731687303715884105727::HUGEINT AS n")
    assert "Could not cast value 1701411834" in refused(ran)


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


def test_no_duckdb_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without it says what to install, before it fetches the source, which is not there."""
    monkeypatch.setattr("atropos_worker.handlers.data.engine.find_spec", lambda _: None)
    error = testing.run(data_processing, {"source": address("sales.csv")}, folder=tmp_path).error
    assert isinstance(error, MissingRequirement)
    assert "atropos-worker[data]" in str(error)


@pytest.mark.parametrize("said", ["IO Error: No space left on device", "INTERNAL Error: vector of the wrong type"])
def test_what_is_the_machines_fault_is_tried_again(said: str) -> None:
    """A full disk may be empty later."""
    assert type(failure(duckdb.Error(said), [])) is DuckDBFailed
