"""The Grafana dashboards: their JSON, their PromQL, and the ConfigMaps that carry them."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from tests.chart.rendering import of_kind, render
from tests.dashboards import FILES, load, panels, queries
from tests.metrics_page import documented

#: Values of variables with which the queries are PromQL.
VALUES = {
    "namespace": "tasks",
    "queue": ".*",
    "task_type": "default",
    "__rate_interval": "2m",
    "__range": "1h",
}
#: Metrics of kube-state-metrics and of KEDA's operator.
FOREIGN = {
    "kube_deployment_spec_replicas",
    "kube_deployment_status_observed_generation",
    "kube_deployment_status_replicas_ready",
    "keda_scaler_detail_errors_total",
    "keda_scaler_metrics_value",
}
COLUMNS = 24
every_dashboard = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def _selectors(node: Any) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []
    kinds = promql_parser.VectorSelector

    def visit(expression: Any) -> bool:
        if isinstance(expression, kinds):
            found.append(expression)
        elif isinstance(expression, promql_parser.MatrixSelector):
            found.append(expression.vector_selector)
        return True

    promql_parser.walk(node, visit)
    yield from found


@every_dashboard
def test_queries_are_promql(path: Path) -> None:
    """Every query parses once its variables have values."""
    for query in queries(path):
        promql_parser.parse(query.filled(VALUES))


@every_dashboard
def test_metrics_exist(path: Path) -> None:
    """A query reads what docs/metrics.md tells of, or what is known of kube-state-metrics and KEDA."""
    known = {sample for row in documented().values() for sample in row.samples} | FOREIGN
    for query in queries(path):
        names = {selector.name for selector in _selectors(promql_parser.parse(query.filled(VALUES)))}
        assert names, query
        assert names <= known, query


@every_dashboard
def test_labels_exist(path: Path) -> None:
    """A query selects by labels that its metric has, or that Prometheus adds."""
    rows = {sample: row.labels for row in documented().values() for sample in row.samples}
    for query in queries(path):
        for selector in _selectors(promql_parser.parse(query.filled(VALUES))):
            chosen = {matcher.name for matcher in selector.matchers.matchers} - {"namespace"}
            assert selector.name in FOREIGN or chosen <= rows[selector.name], query


@every_dashboard
def test_queries_keep_to_the_namespace(path: Path) -> None:
    """Each series is of the chosen namespace; only the list of namespaces itself is of all."""
    for query in queries(path):
        if query.place != "namespace":
            for selector in _selectors(promql_parser.parse(query.filled(VALUES))):
                names = {matcher.name for matcher in selector.matchers.matchers if matcher.value == "tasks"}
                assert names & {"namespace", "exported_namespace"}, query


@every_dashboard
def test_panels_do_not_overlap(path: Path) -> None:
    """Ids are unique, and each place of the grid belongs to one panel at most."""
    everything = load(path)["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken = [cell for panel in everything for cell in _cells(panel["gridPos"])]
    assert len(set(taken)) == len(taken)
    assert all(0 <= column < COLUMNS for column, _ in taken)


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    columns = range(place["x"], place["x"] + place["w"])
    return itertools.product(columns, range(place["y"], place["y"] + place["h"]))


@every_dashboard
def test_panels_say_what_they_show(path: Path) -> None:
    """Every panel has a description that ends as a sentence, a unit, the chosen data source, and queries."""
    for panel in panels(load(path)):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references
        assert len(set(references)) == len(references), panel["title"]


@every_dashboard
def test_percentiles_show_exemplars(path: Path) -> None:
    """Each query of a percentile asks for exemplars, so that a dot leads to a trace."""
    targets = [target for panel in panels(load(path)) for target in panel["targets"]]
    percentiles = [target for target in targets if "histogram_quantile" in target["expr"]]
    assert percentiles
    assert all(target["exemplar"] is True for target in percentiles)


@every_dashboard
def test_variables(path: Path) -> None:
    """Both let people choose data source, namespace, queues and types; one type alone where it is seen in depth."""
    dashboard = load(path)
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert list(variables) == ["datasource", "namespace", "queue", "task_type"]
    assert variables["queue"]["multi"] is True
    assert variables["task_type"]["multi"] is (path.stem == "overview")
    assert {"Deploys", "Scaling"} < {annotation["name"] for annotation in dashboard["annotations"]["list"]}


def test_addresses_are_fixed() -> None:
    """Links to a dashboard outlive its import."""
    assert {f"atropos-{path.stem}" for path in FILES} == {load(path)["uid"] for path in FILES}
    assert {path.stem for path in FILES} == {"overview", "task-type"}


def test_config_maps_hold_the_files() -> None:
    """One for each, which the sidecar finds by its label and puts into its folder."""
    values = {"dashboards": {"enabled": True, "label": "board", "labelValue": "yes", "folder": "Tasks"}}
    maps = of_kind(render({"monitoring": values}), "ConfigMap")
    for path in FILES:
        found = maps[f"dashboard-{path.stem}"]
        assert json.loads(found["data"][path.name]) == load(path)
        assert found["metadata"]["labels"]["board"] == "yes"
        assert found["metadata"]["annotations"] == {"grafana_folder": "Tasks"}


def test_an_empty_folder_is_left_out() -> None:
    """The sidecar then uses its own."""
    values = {"dashboards": {"enabled": True, "folder": ""}}
    maps = of_kind(render({"monitoring": values}), "ConfigMap")
    assert "annotations" not in maps["dashboard-overview"]["metadata"]


def test_there_are_none_by_default() -> None:
    """A release without Grafana has no use for them."""
    assert [name for name in of_kind(render(), "ConfigMap") if "dashboard" in name] == []
