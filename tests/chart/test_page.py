"""The page in the chart: how it finds the API, and what leads to it."""

from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, RELEASE, environment, of_kind, pods, render

TRACE_URL = "https://jaeger.example.com/trace/{trace_id}"
ENTRANCES: dict[str, Any] = {
    "ingress": {"enabled": True, "hosts": ["tasks.example.com"]},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
}


def _environment(values: dict[str, Any]) -> dict[str, Any]:
    [page] = [each for each in pods(render(values)) if each.component == "frontend"]
    return environment(page.spec["containers"][0])


def test_the_page_asks_the_service_of_the_api() -> None:
    """By the name and port under which it is there."""
    values = {"frontend": {"enabled": True}, "api": {"service": {"port": 8080}}}
    address = _environment(values)["ATROPOS_API_ADDRESS"]
    service = of_kind(render(values), "Service")["api"]
    assert address == f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"


def test_the_page_links_to_traces_if_told() -> None:
    """And is told nothing otherwise."""
    told = {"frontend": {"enabled": True}, "monitoring": {"tracing": {"pageUrl": TRACE_URL}}}
    assert _environment(told)["ATROPOS_TRACE_URL"] == TRACE_URL
    assert "ATROPOS_TRACE_URL" not in _environment({"frontend": {"enabled": True}})


@pytest.mark.parametrize(("enabled", "component"), [(False, "api"), (True, "frontend")])
def test_entrances_lead_to_the_page_if_there_is_one(enabled: bool, component: str) -> None:
    """It passes on what is for the API, so one origin has both."""
    documents = render({"frontend": {"enabled": enabled, "service": {"port": 81}}, "api": ENTRANCES})
    name = f"{RELEASE}-atropos-{component}"
    [ingress] = of_kind(documents, "Ingress").values()
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"] == {
        "name": name,
        "port": {"name": "http"},
    }
    [route] = of_kind(documents, "HTTPRoute").values()
    assert route["spec"]["rules"][0]["backendRefs"] == [{"name": name, "port": 81 if enabled else 80}]


def test_nginx_may_write_where_it_has_to() -> None:
    """What its image names, which a read-only root file system keeps it from otherwise."""
    [page] = [each for each in pods(render({"frontend": {"enabled": True}})) if each.component == "frontend"]
    mounts = {mount["mountPath"] for mount in page.spec["containers"][0]["volumeMounts"]}
    assert mounts == {"/tmp", "/etc/nginx/conf.d"}  # noqa: S108
    assert yaml.safe_load((CHART / "values.yaml").read_text())["readOnlyRootFilesystem"] is True
