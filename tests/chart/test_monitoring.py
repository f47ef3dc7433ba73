"""How Prometheus finds the pods of a release, and what the release is told of tracing."""

from typing import Any

import pytest

from tests.chart.rendering import Document, of_kind, pods, render, render_case

WITH_METRICS = {"api": "8000", "worker": "8081", "dispatcher": "8081"}


def _scraped(documents: list[Document]) -> dict[str, str]:
    """The annotated port by component."""
    annotations = [(each.component, each.metadata.get("annotations", {})) for each in pods(documents)]
    return {
        component: found["prometheus.io/port"]
        for component, found in annotations
        if found.get("prometheus.io/scrape") == "true" and found.get("prometheus.io/path") == "/metrics"
    }


def _monitors() -> dict[str, Document]:
    documents = render_case("monitoring")
    return of_kind(documents, "PodMonitor") | of_kind(documents, "ServiceMonitor")


def test_pods_with_metrics_are_annotated() -> None:
    """Pods that serve metrics name their port, and no other pod asks to be scraped."""
    assert _scraped(render_case("defaults")) == WITH_METRICS
    assert _scraped(render_case("everything")) == WITH_METRICS


def test_annotated_ports_are_those_of_the_containers() -> None:
    """The annotation and the container's port are the same number."""
    for each in pods(render_case("defaults")):
        if each.component in WITH_METRICS:
            ports = {str(port["containerPort"]) for entry in each.containers for port in entry.get("ports", [])}
            assert {WITH_METRICS[each.component]} == ports


@pytest.mark.parametrize(
    ("monitoring", "components"),
    [
        ({"annotations": False}, set()),
        ({"serviceMonitor": {"enabled": True}}, {"worker", "dispatcher"}),
        ({"podMonitor": {"enabled": True}}, {"api"}),
    ],
)
def test_pods_are_not_scraped_twice(monitoring: dict[str, Any], components: set[str]) -> None:
    """A pod that a monitor is for has no annotations, and none has them where they are switched off."""
    assert _scraped(render({"monitoring": monitoring})).keys() == components


def test_annotations_of_the_user_win() -> None:
    """A pod is annotated once, as its owner said."""
    documents = render({"api": {"podAnnotations": {"prometheus.io/port": "9000"}}})
    assert _scraped(documents)["api"] == "9000"


def test_the_api_is_monitored_by_its_service() -> None:
    """The ServiceMonitor selects the API's Service alone, and names a port of it."""
    documents = render_case("monitoring")
    spec = of_kind(documents, "ServiceMonitor")["api"]["spec"]
    wanted = spec["selector"]["matchLabels"].items()
    services = of_kind(documents, "Service")
    assert [name for name, each in services.items() if wanted <= each["metadata"]["labels"].items()] == ["api"]
    assert spec["endpoints"][0]["port"] in {port["name"] for port in services["api"]["spec"]["ports"]}


def test_each_pool_and_the_dispatchers_have_a_monitor() -> None:
    """Each PodMonitor selects the pods of one Deployment, and names a port of theirs."""
    documents = render_case("monitoring")
    for name, monitor in of_kind(documents, "PodMonitor").items():
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        selected = [each for each in pods(documents) if wanted <= each.metadata["labels"].items()]
        assert [f"demo-atropos-{name}"] == [each.owner["metadata"]["name"] for each in selected]
        ports = {port["name"] for entry in selected[0].containers for port in entry.get("ports", [])}
        assert {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} <= ports
    assert of_kind(documents, "PodMonitor").keys() == {"dispatcher", "worker-default", "worker-video"}


def test_workers_carry_the_name_of_their_pool() -> None:
    """The pool is a label of what a worker tells, whatever relabelings the user adds."""
    endpoint = _monitors()["worker-video"]["spec"]["podMetricsEndpoints"][0]
    user = {"targetLabel": "cluster", "replacement": "blue"}
    assert endpoint["relabelings"] == [{"targetLabel": "pool", "replacement": "video"}, user]


def test_options_reach_the_monitors() -> None:
    """Labels, interval and relabelings are on each."""
    for name, monitor in _monitors().items():
        endpoints = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
        assert monitor["metadata"]["labels"]["release"] == "prometheus", name
        assert [("15s" if name == "api" else "30s")] == [endpoint["interval"] for endpoint in endpoints]
        assert {"targetLabel": "cluster", "replacement": "blue"} in endpoints[0]["relabelings"]


def test_there_is_nothing_for_the_operator_by_default() -> None:
    """A cluster without the operator's kinds takes the chart as it is."""
    assert not [each for each in render_case("defaults") if each["apiVersion"].startswith("monitoring.coreos.com")]


def test_tracing_reaches_the_settings() -> None:
    """The collector's address and the share of traces are settings of all processes, and absent without a collector."""
    expected = {"OTLP_ENDPOINT": "http://collector.example.org:4318", "TRACE_SAMPLE_RATIO": "0.25"}
    settings = of_kind(render_case("monitoring"), "ConfigMap")["atropos"]["data"]
    assert expected == {name: settings[f"ATROPOS_{name}"] for name in expected}
    assert not {f"ATROPOS_{name}" for name in expected} & of_kind(render(), "ConfigMap")["atropos"]["data"].keys()
