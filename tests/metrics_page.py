"""docs/metrics.md taken apart: what each process says it serves. Tests of metrics and dashboards read it."""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[1] / "docs/metrics.md"
#: What the samples of a metric are called, after its name.
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
_ROW = re.compile(r"^\| `(\w+)` \| (\w+)(?:; ([^|]+))? \|")


class Documented(NamedTuple):
    """One row of a table."""

    name: str
    kind: str
    labels: frozenset[str]
    #: Heading of the table.
    section: str

    @property
    def samples(self) -> list[str]:
        """Names by which Prometheus stores it."""
        return [self.name + suffix for suffix in SUFFIXES.get(self.kind, ("",))]


def documented() -> dict[str, Documented]:
    """The rows of all tables by name."""
    rows, section = {}, ""
    for line in PAGE.read_text().splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        if match := _ROW.match(line):
            name, kind, labels = match.groups()
            names = frozenset(label.partition("=")[0].strip() for label in (labels or "").split(",") if label)
            rows[name] = Documented(name, kind, names, section)
    return rows
