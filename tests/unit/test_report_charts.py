"""The charts of a report, with real Vega: what is drawn, and what is too much to be told apart."""

import base64
import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.refusal import refused
from tests.unit.report_rehearsal import html, report


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
    drawn = [base64.b64decode(found).decode() for found in re.findall(r"base64,([^\"]+)", html(ran))]
    expected = ["3001.75", "1500.875", "2", "1.5", "3000.25", "2"]
    for picture, value in zip(drawn, expected, strict=True):
        assert re.search(rf'aria-label="shop: north; [^"]*: {re.escape(value)}"', picture), value


def _days(count: int) -> str:
    """A table of so many days."""
    return "day,n\n" + "".join(f"{date(2026, 1, 1) + timedelta(days=number)},1\n" for number in range(count))


def test_a_year_of_days_is_a_chart_of_bars(tmp_path: Path) -> None:
    """Beside each other, where names would have no room."""
    ran = report(tmp_path, content=_days(365), charts=[{"x": "day", "y": "n"}], formats=["html"])
    [drawn] = [base64.b64decode(found).decode() for found in re.findall(r"base64,([^\"]+)", html(ran))]
    bars = sorted(
        (float(left), float(width))
        for left, width in re.findall(r'aria-roledescription="bar" d="M([\d.e-]+),[\d.]+h([\d.]+)v', drawn)
    )
    assert len(bars) == 365
    assert all(left + width < following for (left, width), (following, _) in pairwise(bars))


def test_more_bars_than_pixels_are_refused(tmp_path: Path) -> None:
    """Nobody could tell them apart."""
    assert "more than 600 values of 'day'" in refused(report(tmp_path, content=_days(601), charts=[{"x": "day"}]))


def test_too_many_slices_are_refused(tmp_path: Path) -> None:
    """Nobody could tell them apart."""
    content = "n\n" + "".join(f"{number}\n" for number in range(30))
    ran = report(tmp_path, content=content, charts=[{"kind": "pie", "x": "n"}])
    assert "more than 24 values of 'n': group the table first" in refused(ran)
