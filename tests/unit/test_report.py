"""The work on reports, with real Typst and Vega: what comes out, what is refused, and that data stays data."""

import base64
import json
import re
import socket
import threading
from collections.abc import Callable
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typst
from pydantic import ValidationError

from atropos_core.builtin_types import ReportGenerationParameters, report_generation
from atropos_sdk import Permanent, Stopped, testing
from atropos_sdk.testing import Ran
from atropos_worker.handlers.report import document
from atropos_worker.handlers.report.content import cells

CONTENT = "day,shop,amount\n2026-01-01,north,1.5\n2026-01-02,south,2\n2026-01-03,north,3000.25\n,east,\n"
ADDRESS = "http://files.test/sales.csv"
#: What would do something, were it read as markup of Typst, of HTML, of Jinja or of Vega.
HOSTILE = [
    '#read("/etc/passwd")',
    "*bold* _x_ $y$ <label> @ref \\ `raw` ] [ } {",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    '"><img src=x onerror=alert(1)>',
    "datum['x'].y\\.z",
]


def report(folder: Path, *, content: str = CONTENT, options: dict[str, Any] | None = None, **parameters: Any) -> Ran:
    """The whole handler, with this CSV as its source."""
    source = folder / "sales.csv"
    source.write_text(content)
    given = {"source": {"url": ADDRESS}, **parameters}
    return testing.run(report_generation, given, inputs={ADDRESS: source}, folder=folder, **(options or {}))


def refused(ran: Ran) -> str:
    """Why it failed for good; nothing is kept, and no path of this machine is told."""
    assert isinstance(ran.error, Permanent), ran.error
    assert not ran.artifacts
    assert str(ran.context.folder) not in str(ran.error)
    return str(ran.error)


def texts(ran: Ran) -> list[str]:
    """The text of the HTML, element by element; that there is no element but the template's own."""
    found: list[str] = []
    seen: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            seen.add(tag)
            assert not [name for name, _ in attributes if name.startswith("on")]

        def handle_data(self, data: str) -> None:
            found.append(data.strip())

    Reader().feed(ran.artifacts["report.html"].read_text())
    assert "script" not in seen
    return found


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


@pytest.mark.parametrize("kind", ["bar", "line", "area", "scatter", "pie"])
@pytest.mark.parametrize("x", ["day", "shop", "amount"])
def test_charts_are_drawn(kind: str, x: str, tmp_path: Path) -> None:
    """Of each kind, of days, names and numbers, and with NULLs."""
    ran = report(tmp_path, charts=[{"kind": kind, "x": x, "y": "amount"}], formats=["html"])
    assert ran.error is None
    [picture] = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", ran.artifacts["report.html"].read_text())
    drawn = base64.b64decode(picture).decode()
    assert drawn.startswith("<svg")
    assert drawn.count("<path") > 3
    if x == "shop" and kind != "scatter":
        assert "north" in drawn


def test_a_chart_adds_up(tmp_path: Path) -> None:
    """The rows with the same x, as the aggregate says."""
    charts = [{"x": "shop", "y": "amount", "aggregate": how} for how in ("sum", "mean", "count", "min", "max")]
    ran = report(tmp_path, charts=[*charts, {"x": "shop"}], formats=["html"])
    drawn = [base64.b64decode(found).decode() for found in re.findall(r"base64,([^\"]+)", _html(ran))]
    expected = ["3001.75", "1500.875", "2", "1.5", "3000.25", "2"]
    for picture, value in zip(drawn, expected, strict=True):
        assert re.search(rf'aria-label="shop: north; [^"]*: {re.escape(value)}"', picture), value


def _html(ran: Ran) -> str:
    assert ran.error is None, ran.error
    return ran.artifacts["report.html"].read_text()


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


def _days(count: int) -> str:
    """A table of so many days."""
    return "day,n\n" + "".join(f"{date(2026, 1, 1) + timedelta(days=number)},1\n" for number in range(count))


def test_a_year_of_days_is_a_chart_of_bars(tmp_path: Path) -> None:
    """Beside each other, where names would have no room."""
    ran = report(tmp_path, content=_days(365), charts=[{"x": "day", "y": "n"}], formats=["html"])
    [drawn] = [base64.b64decode(found).decode() for found in re.findall(r"base64,([^\"]+)", _html(ran))]
    bars = sorted(
        (float(left), float(width))
        for left, width in re.findall(r'aria-roledescription="bar" d="M([\d.e-]+),[\d.]+h([\d.]+)v', drawn)
    )
    assert len(bars) == 365
    assert all(left + width < following for (left, width), (following, _) in pairwise(bars))


def test_more_bars_than_pixels_are_refused(tmp_path: Path) -> None:
    """Nobody could tell them apart."""
    assert "more than 600 values of 'day'" in refused(report(tmp_path, content=_days(601), charts=[{"x": "day"}]))


@pytest.mark.parametrize(
    ("amounts", "total"),
    [("12345.67\n" * 99_999, "1,234,554,654.33"), ("0.1\n9999999999.27\n", "9,999,999,999.37")],
)
def test_a_large_total_has_its_cents(amounts: str, total: str, tmp_path: Path) -> None:
    """However many floats were added up."""
    ran = report(tmp_path, content=f"amount\n{amounts}", totals=["amount"])
    assert ran.result["totals"] == [{"name": "amount", "value": total}]


def test_too_many_slices_are_refused(tmp_path: Path) -> None:
    """Nobody could tell them apart."""
    content = "n\n" + "".join(f"{number}\n" for number in range(30))
    ran = report(tmp_path, content=content, charts=[{"kind": "pie", "x": "n"}])
    assert "more than 24 values of 'n': group the table first" in refused(ran)


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    """Some are to be named."""
    content = ",".join(f"c{number}" for number in range(50)) + "\n" + ",".join("1" * 50) + "\n"
    assert "name at most 40" in refused(report(tmp_path, content=content))


def test_a_broken_table_is_refused(tmp_path: Path) -> None:
    """In DuckDB's own words."""
    assert refused(report(tmp_path, content="a,b\n" + "1,2\n" * 30_000 + "x,3\n", totals=["a"])).startswith("DuckDB: ")


@pytest.fixture
def templates(tmp_path: Path, setting: Callable[[str, object], None]) -> Path:
    """A folder with templates of people's own."""
    folder = tmp_path / "templates"
    (folder / "own").mkdir(parents=True)
    setting("report_templates", folder)
    return folder


def test_people_add_templates(templates: Path, tmp_path: Path) -> None:
    """With files of their own; those that come along stay."""
    (templates / "own" / "text.txt").write_text("ours")
    (templates / "own" / "report.typ").write_text('#read("text.txt") #json("report.json").title')
    (templates / "own" / "report.html").write_text("<p>{{ report.title }}</p>")
    ran = report(tmp_path, template="own", title="a<b", formats=["pdf", "html"])
    assert _html(ran) == "<p>a&lt;b</p>"
    assert ran.result["pages"] == 1
    assert "this worker has default, own" in _missing(tmp_path / "other")


def _missing(folder: Path) -> str:
    folder.mkdir()
    return refused(report(folder, template="missing"))


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("report.typ", '#read("/etc/passwd")', "file not found"),
        ("report.typ", '#read("../../sales.csv")', "would escape the project root"),
        ("report.typ", "#nothing", "unknown variable: nothing"),
        ("report.html", "{{ nothing }}", "'nothing' is undefined"),
        ("report.html", "{% if %}", "cannot be filled"),
        ("report.html", "{{ ''.__class__.__mro__ }}", "unsafe"),
        ("other", "", "it has no report.typ"),
    ],
)
def test_a_wrong_template_is_told(name: str, text: str, why: str, templates: Path, tmp_path: Path) -> None:
    """And gets at nothing beside its own folder."""
    (templates / "own" / name).write_text(text)
    assert why in refused(report(tmp_path, template="own", formats=["html" if name.endswith("html") else "pdf"]))


def test_a_template_fetches_nothing(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is asked of the proxy that there is not: one that is there would be asked."""
    (templates / "own" / "report.typ").write_text('#import "@preview/cetz:0.4.2"')
    assert "failed to download package" in refused(report(tmp_path, template="own"))
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        thread = threading.Thread(target=lambda: asked.append(_first_line(proxy)))
        thread.start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setattr(document, "NO_NETWORK", dict.fromkeys(document.NO_NETWORK, address))
        (tmp_path / "again").mkdir()
        refused(report(tmp_path / "again", template="own"))
        thread.join(10)
    assert asked[0].startswith(b"CONNECT ")


def _first_line(server: socket.socket) -> bytes:
    connection, _ = server.accept()
    with connection:
        return connection.recv(100)


def test_memory_is_limited(templates: Path, tmp_path: Path, setting: Callable[[str, object], None]) -> None:
    """The message names the setting."""
    setting("report_memory_bytes", 128 * 1024**2)
    (templates / "own" / "report.typ").write_text("#range(20000000).map(number => str(number) * 100).len()")
    assert "ATROPOS_REPORT_MEMORY_BYTES" in refused(report(tmp_path, template="own"))


def test_it_stops_when_told(templates: Path, tmp_path: Path) -> None:
    """Typst is killed in the middle, and nothing is kept."""
    (templates / "own" / "report.typ").write_text(
        "#for each in range(10000) { for other in range(10000) { let sum = each + other } }"
    )
    ran = report(tmp_path, template="own", options={"stop_after": 1.0})
    assert isinstance(ran.error, Stopped)
    assert not ran.artifacts


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
    """A worker without it says what to install."""
    monkeypatch.setattr("atropos_worker.handlers.report.work.find_spec", lambda name: None if name == "typst" else name)
    assert "has no typst: install atropos-worker[report]" in refused(report(tmp_path))
