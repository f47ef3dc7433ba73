"""The dashboards of charts/atropos/dashboards taken apart: their panels and queries."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FILES = sorted((Path(__file__).parents[1] / "charts/atropos/dashboards").glob("*.json"))

Dashboard = dict[str, Any]


class Query(NamedTuple):
    """One query, as it is written."""

    dashboard: str
    #: Title of its panel, annotation or variable.
    place: str
    expression: str

    def filled(self, values: Mapping[str, str]) -> str:
        """With variables replaced; raises KeyError for one without a value."""
        return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], self.expression)


def load(path: Path) -> Dashboard:
    dashboard: Dashboard = json.loads(path.read_text())
    return dashboard


def panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    """All that show something: rows are headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(path: Path) -> Iterator[Query]:
    """Those of panels and annotations, and the selectors of variables."""
    dashboard = load(path)
    for panel in panels(dashboard):
        yield from (Query(path.stem, panel["title"], target["expr"]) for target in panel["targets"])
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(path.stem, annotation["name"], annotation["expr"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            selector = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])
            assert selector is not None, variable["name"]
            yield Query(path.stem, variable["name"], selector[1])
