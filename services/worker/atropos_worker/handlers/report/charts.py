"""Charts as SVG, drawn by Vega-Lite from rows that DuckDB has added up. work.py calls it."""

from itertools import pairwise
from typing import Any

from atropos_core.report_parameters import Chart
from atropos_worker.handlers.data.engine import Engine
from atropos_worker.handlers.data.tables import identifier
from atropos_worker.handlers.report.content import TABLE, is_number, number, require
from atropos_worker.outcome import Permanent

#: The version of Vega-Lite that the pictures are written for.
VEGA_LITE = "6.4"
#: More cannot be told apart, or drawn in a moment.
MAXIMUM_POINTS = {"bar": 200, "line": 2000, "area": 2000, "scatter": 5000, "pie": 24}
AGGREGATES = {"sum": "sum", "mean": "avg", "count": "count", "min": "min", "max": "max"}
WIDTH, HEIGHT = 600, 200
#: Labels of so many bars stand beside each other.
UPRIGHT_LABELS = 8
#: Along an axis of time there are no labels to read: as many bars as it has points, a year of days among them.
MAXIMUM_BARS_OF_TIME = WIDTH
#: Bars, as a share of the way from one to the next.
BAR_SHARE = 0.7
ACCENT = "#1f5f8b"
STYLE = {
    "font": "Libertinus Serif",
    "background": "white",
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e4e7eb"},
    "axisX": {"grid": False, "labelLimit": 120},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 200},
    "view": {"stroke": None},
    "bar": {"color": ACCENT, "discreteBandSize": {"band": BAR_SHARE}},
    "line": {"color": ACCENT, "strokeWidth": 2},
    "area": {"color": ACCENT, "opacity": 0.75},
    "point": {"color": ACCENT, "filled": True, "size": 24, "opacity": 0.7},
    "range": {"category": {"scheme": "tableau20"}},
}


def title(chart: Chart) -> str:
    """What stands above it."""
    if chart.title is not None:
        return chart.title
    made = f"{_shown(chart)} by {chart.x}"[:200]
    return made[0].upper() + made[1:]


def describe(chart: Chart) -> str:
    """What it shows, in words."""
    return f"A {chart.kind} chart of {_shown(chart)} by {chart.x}"


def draw(engine: Engine, chart: Chart, kinds: dict[str, str]) -> str:
    """The SVG. Raises Permanent for columns that are not there or cannot be drawn, and as the engine does."""
    require(chart.x, kinds)
    aggregate = _aggregate(chart)
    if chart.y is not None:
        require(chart.y, kinds, number_for=None if aggregate == "count" else f"the chart {title(chart)!r}")
    points = _points(engine, chart, aggregate, kinds[chart.x])
    import vl_convert

    return vl_convert.vegalite_to_svg(
        _specification(chart, points, _scale(kinds[chart.x], chart.kind)), vl_version=VEGA_LITE, allowed_base_urls=[]
    )


def _aggregate(chart: Chart) -> str | None:
    if chart.kind == "scatter":
        return None
    return chart.aggregate or ("count" if chart.y is None else "sum")


def _shown(chart: Chart) -> str:
    aggregate = _aggregate(chart)
    if chart.y is None:
        return "rows"
    return chart.y if aggregate is None else f"{aggregate} of {chart.y}"


def _scale(kind: str, chart: str) -> str:
    """How Vega is to take the values of x."""
    if chart != "pie" and (kind == "DATE" or kind.startswith("TIMESTAMP")):
        return "temporal"
    return "quantitative" if is_number(kind) and chart not in ("bar", "pie") else "nominal"


def _points(engine: Engine, chart: Chart, aggregate: str | None, kind: str) -> list[dict[str, Any]]:
    x, y = identifier(chart.x), None if chart.y is None else identifier(chart.y)
    scale = _scale(kind, chart.kind)
    most = MAXIMUM_BARS_OF_TIME if (scale, chart.kind) == ("temporal", "bar") else MAXIMUM_POINTS[chart.kind]
    # As numbers, since Vega would take a date without a zone for one of the worker's own.
    shown = {"temporal": f"epoch_ms({x})", "quantitative": f"CAST({x} AS DOUBLE)"}.get(scale, f"CAST({x} AS VARCHAR)")
    value = f"CAST({y} AS DOUBLE)" if aggregate is None else f"CAST({AGGREGATES[aggregate]}({y or '*'}) AS DOUBLE)"
    grouped = "" if aggregate is None else f"GROUP BY {x} ORDER BY {x}"
    found = engine.execute(f"SELECT {shown}, {value} FROM {TABLE} {grouped} LIMIT {most + 1}")
    if len(found) > most:
        raise Permanent(
            f"the chart {title(chart)!r} would have more than {most:,} {'points' if aggregate is None else 'values'} "
            f"of {chart.x!r}: group the table first"
        )
    return [{"x": _named(at) if scale == "nominal" else number(at), "y": number(high)} for at, high in found]


def _bar_width(times: list[float]) -> float:
    """Of bars along an axis of time, in pixels, so that those nearest to each other do not touch. `times` ascend."""
    nearest = min((later - earlier for earlier, later in pairwise(times)), default=0)
    if not nearest:
        return WIDTH / UPRIGHT_LABELS
    return max(1.0, BAR_SHARE * WIDTH * nearest / (times[-1] - times[0] + nearest))


def _named(value: str | None) -> str:
    return "(none)" if value is None else value[:200]


def _specification(chart: Chart, points: list[dict[str, Any]], scale: str) -> dict[str, Any]:
    """What Vega-Lite draws. Names of columns are shown and never named to it: it has a language of its own in them."""
    x: dict[str, Any] = {"field": "x", "type": scale, "title": chart.x, "sort": None}
    if scale == "temporal":
        x["scale"] = {"type": "utc"}
    if scale == "nominal" and len(points) <= UPRIGHT_LABELS:
        x["axis"] = {"labelAngle": 0, "labelLimit": WIDTH // UPRIGHT_LABELS}
    y = {"field": "y", "type": "quantitative", "title": _shown(chart)}
    mark: dict[str, Any] = {"type": {"pie": "arc", "scatter": "point"}.get(chart.kind, chart.kind)}
    if scale == "temporal" and chart.kind == "bar":
        mark["width"] = _bar_width([point["x"] for point in points if point["x"] is not None])
        x["scale"]["padding"] = mark["width"] / 2
    encoding: dict[str, Any] = {"x": x, "y": y}
    if chart.kind == "pie":
        mark |= {"innerRadius": 60, "stroke": "white"}
        slices = {"field": "x", "type": "nominal", "title": chart.x, "sort": None}
        encoding = {"theta": {**y, "stack": True}, "color": slices}
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": points},
        "mark": mark,
        "encoding": encoding,
        "config": STYLE,
    }
