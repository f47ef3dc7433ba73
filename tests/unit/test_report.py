"""The work on reports, with real Typst and Vega: what comes out, what is refused, and that data stays data."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typst
from pydantic import ValidationError

from atropos_core.builtin_types import ReportGenerationParameters, report_generation
from atropos_sdk import MissingRequirement, testing
from atropos_sdk.testing import Ran
from atropos_worker.handlers.report import document
from atropos_worker.handlers.report.content import cells
from tests.unit.refusal import refused
from tests.unit.report_rehearsal import ADDRESS, report, texts

#: What would do something, were it read as markup of Typst, of HTML, of Jinja or of Vega.
HOSTILE = [
    '#read("/etc/passwd")',
    "*bold* _x_ $y$ <label> @ref \\ `raw` ] [ } {",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    '"><img src=x onerror=alert(1)>',
    "datum['x'].y\\.z",
]


def set_anew(ran: Ran) -> str:
    """The PDF as Typst would draw it on a page: text is there as it is shown, and so can be looked for."""
    root = ran.context.scratch / "report"
    probe = root / "probe.typ"
    probe.write_text('#include "report.typ"')
    drawn = typst.compile(probe, root=root, format="html")
    assert isinstance(drawn, bytes)
    return drawn.decode()


def test_a_report_is_made(tmp_path: Path) -> None:
    """With its totals, charts and table; the result tells what is in it."""
    ran = report(
        tmp_path,
        title="Sales",
        totals=["amount"],
        charts=[{"x": "shop", "y": "amount"}, {"kind": "line", "x": "day", "y": "amount", "title": "Days"}],
        formats=["pdf", "html"],
    )
    assert ran.result == {
        "simulated": False,
        "title": "Sales",
        "template": "default",
        "rows": 4,
        "rows_shown": 4,
        "charts": 2,
        "pages": 1,
        "totals": [{"name": "amount", "value": "3,003.75"}],
        "made": [{"name": name, "size_bytes": path.stat().st_size} for name, path in ran.artifacts.items()],
    }
    assert ran.artifacts["report.pdf"].read_bytes().startswith(b"%PDF-")
    shown = {"Sales", "3,003.75", "Sum of amount by shop", "Days", "All 4 rows", "3000.25", "1.50", "\N{EN DASH}"}
    assert shown <= set(texts(ran))
    fractions = [fraction for fraction, _ in ran.progress]
    assert fractions == sorted(fractions)


def test_rows_and_columns_are_chosen(tmp_path: Path) -> None:
    """Totals and charts are of the whole table all the same."""
    ran = report(tmp_path, columns=["amount", "shop"], rows=2, totals=["amount"], formats=["html"])
    found = texts(ran)
    assert found[found.index("amount", found.index("Rows")) :][1] == "shop"
    assert "The first 2 of 4 rows" in found
    assert ("north" in found, "east" in found, "day" in found) == (True, False, False)
    assert ran.result["totals"][0]["value"] == "3,003.75"


def test_a_long_table_has_pages(tmp_path: Path) -> None:
    """Of which the result tells how many."""
    ran = report(tmp_path, content="n\n" + "1\n" * 300, rows=300)
    assert ran.result["pages"] == 6 == document.pages(ran.artifacts["report.pdf"])
    assert ran.result["rows_shown"] == 300


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_data_is_never_read_as_markup(hostile: str, tmp_path: Path) -> None:
    """In the title, a column's name, a cell and a chart: it is shown as it is."""
    quoted = '"' + hostile.replace('"', '""') + '"'
    content = f"{quoted},n\n{quoted},1\n"
    charts = [{"x": hostile, "y": "n", "title": hostile}, {"kind": "scatter", "x": "n", "y": "n", "title": "ok"}]
    ran = report(
        tmp_path, content=content, title=hostile, subtitle=hostile, charts=charts, totals=["n"], formats=["html", "pdf"]
    )
    assert ran.error is None, ran.error
    assert texts(ran).count(hostile) >= 5
    kept = json.loads((ran.context.scratch / "report" / "report.json").read_text())
    assert (kept["title"], kept["rows"][0][0]) == (hostile, hostile)
    assert "root:" not in ran.artifacts["report.pdf"].read_bytes().decode("latin1")


def test_the_pdf_shows_values_as_they_are(tmp_path: Path) -> None:
    """What Typst sets is asked of Typst: the title and a cell are words of the document, and no call is made."""
    ran = report(tmp_path, content='a\n"#read(""/etc/passwd"") *x*"\n', title="#panic() *y*")
    drawn = set_anew(ran)
    assert "#panic() *y*" in drawn
    assert "#read(" in drawn
    assert "*x*" in drawn


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"columns": ["nothing"]}, r"there is no column 'nothing': the table has 'day', 'shop', 'amount'"),
        ({"totals": ["nothing"]}, "there is no column 'nothing'"),
        ({"totals": ["shop"]}, "a total needs numbers, and column 'shop' is VARCHAR"),
        ({"charts": [{"x": "nothing"}]}, "there is no column 'nothing'"),
        ({"charts": [{"x": "shop", "y": "nothing"}]}, "there is no column 'nothing'"),
        ({"charts": [{"x": "amount", "y": "shop"}]}, "needs numbers, and column 'shop' is VARCHAR"),
        ({"template": "nothing"}, "there is no template 'nothing': this worker has default"),
    ],
)
def test_what_is_not_there_is_refused(parameters: dict[str, Any], why: str, tmp_path: Path) -> None:
    """For good, with what there is instead."""
    assert re.search(why, refused(report(tmp_path, **parameters)))


@pytest.mark.parametrize(
    ("amounts", "total"),
    [("12345.67\n" * 99_999, "1,234,554,654.33"), ("0.1\n9999999999.27\n", "9,999,999,999.37")],
)
def test_a_large_total_has_its_cents(amounts: str, total: str, tmp_path: Path) -> None:
    """However many floats were added up."""
    ran = report(tmp_path, content=f"amount\n{amounts}", totals=["amount"])
    assert ran.result["totals"] == [{"name": "amount", "value": total}]


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    """Some are to be named."""
    content = ",".join(f"c{number}" for number in range(50)) + "\n" + ",".join("1" * 50) + "\n"
    assert "name at most 40" in refused(report(tmp_path, content=content))


def test_a_broken_table_is_refused(tmp_path: Path) -> None:
    """In DuckDB's own words."""
    assert refused(report(tmp_path, content="a,b\n" + "1,2\n" * 30_000 + "x,3\n", totals=["a"])).startswith("DuckDB: ")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0.1", "2.0", None], ["0.1", "2.0", None]),
        (["0.30000000000000004", "1e3"], ["0.3", "1000.0"]),
        (["1e-9", "2.5"], ["1e-09", "2.5"]),
        (["nan", "1.5"], ["nan", "1.5"]),
        (["1.23456789", "2"], ["1.23456789", "2"]),
    ],
)
def test_numbers_are_shown_alike(values: list[str | None], expected: list[str | None]) -> None:
    """With as many digits after the point as the longest, and without the noise of binary ones."""
    assert cells(values, "DOUBLE") == expected


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"chart": []}, "'chart'"),
        ({"charts": [{"kind": "scatter", "x": "a"}]}, "needs `y`"),
        ({"charts": [{"x": "a", "aggregate": "sum"}]}, "needs `y`"),
        ({"template": "../../etc"}, "pattern"),
        ({"formats": ["docx"]}, "formats"),
        ({"rows": 20_000}, "rows"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, Any], why: str) -> None:
    """Before there is a task."""
    with pytest.raises(ValidationError, match=why):
        ReportGenerationParameters.model_validate_json(json.dumps({"source": {"url": ADDRESS}, **parameters}))


def test_without_a_source_it_pretends() -> None:
    """As it always did."""
    assert testing.run(report_generation, {"title": "Q3", "pages": 3, "colour": "red"}).result["size_bytes"] == 144_000


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without it says what to install, before it fetches the source, which is not there."""
    monkeypatch.setattr("atropos_worker.handlers.report.work.find_spec", lambda name: None if name == "typst" else name)
    ran = testing.run(report_generation, {"source": {"url": ADDRESS}}, folder=tmp_path)
    assert isinstance(ran.error, MissingRequirement)
    assert str(ran.error) == "This worker has no typst: install atropos-worker[report]."
