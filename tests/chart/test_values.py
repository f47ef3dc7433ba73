"""values.yaml, its comments and its schema against each other, and against the settings of the services."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from atropos_core.settings import Settings
from tests.chart.rendering import CHART, SUBCHARTS

CHARTS = [CHART, *SUBCHARTS]
#: Values whose keys are not the chart's: Kubernetes, PostgreSQL, Redis or the user gave them their names.
PASSED_THROUGH = {"resources", "behavior", "configuration", "workers"}
#: Settings that the chart decides itself, from other values.
DECIDED_BY_THE_CHART = {
    "database_url",
    "redis_url",
    "database_password",
    "redis_password",
    "api_host",
    "api_port",
    "api_drain_seconds",
    "page_directory",
    "trace_url",
    "probe_port",
    "task_queues",
    "worker_queues",
    "worker_concurrency",
    "worker_max_tasks_per_child",
    "drain_seconds",
    "drain_notice_seconds",
    "pod_deletion_cost",
    "kubernetes_selector",
    "kubernetes_namespace",
    "otlp_endpoint",
    "trace_sample_ratio",
    "storage_url",
    "storage_endpoint",
    "storage_region",
    "storage_access_key_id",
    "storage_secret_access_key",
    "storage_session_token",
}
every_chart = pytest.mark.parametrize("chart", CHARTS, ids=lambda path: path.name)


def _schema(chart: Path) -> dict[str, Any]:
    return json.loads((chart / "values.schema.json").read_text())


def _comment(lines: list[str], line: int) -> str:
    """The comment directly above the line with this index, as one text; empty without its `# --`."""
    start = line
    while start and lines[start - 1].strip().startswith("#"):
        start -= 1
    text = " ".join(each.strip().removeprefix("# ") for each in lines[start:line])
    return text.removeprefix("-- ") if text.startswith("-- ") else ""


def _values(chart: Path) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """Path, comment, and whether it holds further values of the chart, for each value in values.yaml."""
    source = (chart / "values.yaml").read_text()

    def walk(node: yaml.MappingNode, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, bool]]:
        for key, value in node.value:
            path = (*above, key.value)
            holds = isinstance(value, yaml.MappingNode) and bool(value.value) and key.value not in PASSED_THROUGH
            yield path, _comment(source.splitlines(), key.start_mark.line), holds
            if holds:
                yield from walk(value, path)

    yield from walk(yaml.compose(source), ())


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    return schema["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def _described(schema: dict[str, Any], path: tuple[str, ...]) -> str | None:
    """The description at a path; None inside a definition that several values share."""
    node = schema
    for key in path:
        if "$ref" in node and node["$ref"] != "#/definitions/pool":
            return None
        node = _resolve(schema, node)["properties"][key]
    return node.get("description", "")


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """All objects with named properties in a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict) and "type" in node:
            yield node
        yield from (found for value in node.values() for found in _objects(value))


@every_chart
def test_every_value_has_its_meaning_above_it(chart: Path) -> None:
    """A comment with `# --` is directly above each value; a group of values may do without."""
    assert [".".join(path) for path, comment, holds in _values(chart) if not (comment or holds)] == []


@every_chart
def test_every_value_is_in_the_schema(chart: Path) -> None:
    """values.yaml has no key that the schema does not name, the blocks of subcharts aside."""
    schema = _schema(chart)
    names = {subchart.name for subchart in SUBCHARTS}
    for path, _, _ in _values(chart):
        if path[0] not in names or len(path) == 1:
            node = schema
            for key in path:
                node = _resolve(schema, node)
                assert key in node["properties"], ".".join(path)
                node = node["properties"][key]


@every_chart
def test_descriptions_are_the_comments(chart: Path) -> None:
    """Editors show what values.yaml says."""
    schema = _schema(chart)
    names = {subchart.name for subchart in SUBCHARTS}
    own = [each for each in _values(chart) if each[0][0] not in names or len(each[0]) == 1]
    expected = {path: comment for path, comment, _ in own if _described(schema, path) is not None}
    assert expected == {path: _described(schema, path) for path in expected}


@every_chart
def test_unknown_names_are_refused_on_every_level(chart: Path) -> None:
    """Only `global`, which all charts of a release share, may have names that the chart does not know."""
    schema = _schema(chart)
    shared = {"global": schema["properties"]["global"], "named": schema["definitions"].get("named", {}).get("items")}
    open_objects = [each for each in _objects(schema) if each.get("additionalProperties") is not False]
    assert [each for each in open_objects if each not in shared.values()] == []


@every_chart
def test_the_defaults_are_valid(chart: Path) -> None:
    """The chart accepts its own values."""
    with helm_python.Chart.load(chart) as loaded:
        loaded.validate_schema(loaded.values)


def test_subcharts_have_the_parents_values() -> None:
    """Each value that the parent sets for a subchart is one of the subchart's, with the same default and comment."""
    parent = {path: (comment, holds) for path, comment, holds in _values(CHART)}
    for subchart in SUBCHARTS:
        own = {(subchart.name, *path): (comment, holds) for path, comment, holds in _values(subchart)}
        theirs = {path for path in parent if path[0] == subchart.name and len(path) > 1}
        assert theirs <= own.keys()
        assert {path for path in theirs if path[-1] != "enabled" and parent[path] != own[path]} == set()


def test_settings_are_those_of_the_services() -> None:
    """`settings` takes each setting that the chart does not decide itself, and nothing else."""
    expected = Settings.model_fields.keys() - DECIDED_BY_THE_CHART
    assert expected == _schema(CHART)["properties"]["settings"]["properties"].keys()


def test_the_chart_decides_only_settings_that_exist() -> None:
    """The list above names no setting that is gone."""
    assert Settings.model_fields.keys() >= DECIDED_BY_THE_CHART


@pytest.mark.parametrize(
    ("chart", "prefix"), [(CHART, "atropos."), *((path, f"atropos-{path.name}.") for path in SUBCHARTS)]
)
def test_definitions_have_the_charts_prefix(chart: Path, prefix: str) -> None:
    """Definitions are global to a release: those of two charts must not meet."""
    sources = [path.read_text() for path in (chart / "templates").rglob("*") if path.is_file()]
    names = [name for source in sources for name in re.findall(r'{{-?\s*define\s+"([^"]+)"', source)]
    assert names
    assert [name for name in names if not name.startswith(prefix)] == []
