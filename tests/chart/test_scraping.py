"""What a real Prometheus makes of the leader's metrics, and the manifests of `make monitoring`."""

import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from atropos_cli.embedded.ports import free_port
from tests.chart.rendering import CHART, NEWEST, ROOT, Document, label, of_kind, pods, render_case
from tests.stack import wait_until

MANIFESTS = sorted((ROOT / "k8s/monitoring").glob("*.yaml"))
METRICS = """\
# TYPE atropos_queue_tasks gauge
atropos_queue_tasks{queue="default",state="pending"} 3
# TYPE atropos_workers_live gauge
atropos_workers_live{queue="default",draining="false"} 2
# TYPE atropos_dispatcher_leader gauge
atropos_dispatcher_leader 1
# TYPE atropos_worker_slots gauge
atropos_worker_slots 4
"""


class _Pod(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that http.server calls
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(METRICS.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that http.server gives it
        """Nothing."""


def _documents() -> list[Document]:
    return [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]


def _kind_configuration() -> dict[str, Any]:
    return yaml.safe_load(of_kind(_documents(), "ConfigMap")["prometheus"]["data"]["prometheus.yaml"])


def _chart_relabelings() -> list[dict[str, Any]]:
    """As the operator writes them into Prometheus' own configuration."""
    endpoint = of_kind(render_case("monitoring"), "PodMonitor")["dispatcher"]["spec"]["podMetricsEndpoints"][0]
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label", "regex": "regex"}
    return [{names[key]: value for key, value in each.items()} for each in endpoint["metricRelabelings"]]


def _kind_relabelings() -> list[dict[str, Any]]:
    return _kind_configuration()["scrape_configs"][0]["metric_relabel_configs"]


@pytest.fixture
def pod() -> Iterator[str]:
    """The address of something that serves a leader's metrics."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pod)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _query(port: int, expression: str) -> list[dict[str, str]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={expression}", timeout=5) as answer:
            return [each["metric"] for each in json.load(answer)["data"]["result"]]
    except OSError:
        return []


@pytest.mark.parametrize("relabelings", [_chart_relabelings(), _kind_relabelings()], ids=["chart", "kind"])
def test_series_of_tasks_survive_the_leaders_pod(relabelings: list[dict[str, Any]], pod: str, tmp_path: Path) -> None:
    """What the leader tells of tasks has no label of its pod; what a process tells of itself has."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not on the PATH; Debian has it in the package prometheus")
    target = {"targets": [pod], "labels": {"pod": "dispatcher-1", "namespace": "tasks"}}
    job = {"job_name": "pods", "static_configs": [target], "metric_relabel_configs": relabelings}
    configuration = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    command = ["prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path=data"]
    with subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: len(_query(port, "atropos_worker_slots")) > 0, what="the first scrape")
            shared = {"job": "pods", "namespace": "tasks", "queue": "default"}
            of_tasks = _query(port, "atropos_queue_tasks") + _query(port, "atropos_workers_live")
            assert [
                {"__name__": "atropos_queue_tasks", "state": "pending", **shared},
                {"__name__": "atropos_workers_live", "draining": "false", **shared},
            ] == of_tasks
            for own in ("atropos_dispatcher_leader", "atropos_worker_slots"):
                assert {"pod": "dispatcher-1", "instance": pod}.items() <= _query(port, own)[0].items()
        finally:
            process.terminate()


def _check(configuration: dict[str, Any], path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(yaml.safe_dump(configuration))
    return subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, timeout=60)


def test_prometheus_reads_the_configuration_of_kind(tmp_path: Path) -> None:
    """`promtool check config` accepts what the ConfigMap holds, with the chart's rules."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not on the PATH; Debian has it in the package prometheus")
    configuration = _kind_configuration() | {"rule_files": [str(CHART / "rules/*.yaml")]}
    found = _check(configuration, tmp_path / "prometheus.yaml")
    if "field kubernetes_sd_configs not found" in found.stderr + found.stdout:  # Debian builds it without
        for job in configuration["scrape_configs"]:
            del job["kubernetes_sd_configs"]
        found = _check(configuration, tmp_path / "prometheus.yaml")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "1 rule files found" in found.stdout


@pytest.mark.parametrize("document", _documents(), ids=label)
def test_manifests_fit_their_schemas(document: Document) -> None:
    """Every document of `make monitoring` has only the fields that its kind has, and its namespace if it has one."""
    kubernetes_validate.validate(document, NEWEST, strict=True)
    outside = document["kind"] in {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    assert (None if outside else "monitoring") == document["metadata"].get("namespace")


def test_pods_of_kind_fit_the_restricted_profile() -> None:
    """The namespace enforces it."""
    for owner, _, spec in pods(_documents()):
        assert spec["securityContext"]["runAsNonRoot"] is True, label(owner)
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            security = container["securityContext"]
            assert (security["allowPrivilegeEscalation"], security["capabilities"]) == (False, {"drop": ["ALL"]})
            assert security["readOnlyRootFilesystem"] is True


def test_grafana_finds_prometheus_and_jaeger() -> None:
    """Each data source is a Service with that port, and a trace_id in an exemplar leads to Jaeger."""
    data = of_kind(_documents(), "ConfigMap")["grafana"]["data"]
    sources = {each["uid"]: each for each in yaml.safe_load(data["datasources.yaml"])["datasources"]}
    services = of_kind(_documents(), "Service")
    for name in ("prometheus", "jaeger"):
        ports = [port["port"] for port in services[name]["spec"]["ports"]]
        assert sources[name]["url"] in {f"http://{name}:{port}" for port in ports}
    exemplars = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplars == [{"name": "trace_id", "datasourceUid": "jaeger"}]
