"""The work on reports as a worker does it, but for the service: called by the unit tests of it."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from atropos_core.builtin_types import report_generation
from atropos_sdk import testing
from atropos_sdk.testing import Ran

CONTENT = "day,shop,amount\n2026-01-01,north,1.5\n2026-01-02,south,2\n2026-01-03,north,3000.25\n,east,\n"
ADDRESS = "http://files.test/sales.csv"


def report(folder: Path, *, content: str = CONTENT, options: dict[str, Any] | None = None, **parameters: Any) -> Ran:
    """The whole handler, with this CSV as its source."""
    source = folder / "sales.csv"
    source.write_text(content)
    given = {"source": {"url": ADDRESS}, **parameters}
    return testing.run(report_generation, given, inputs={ADDRESS: source}, folder=folder, **(options or {}))


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


def html(ran: Ran) -> str:
    assert ran.error is None, ran.error
    return ran.artifacts["report.html"].read_text()
