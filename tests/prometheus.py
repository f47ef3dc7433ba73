"""A real Prometheus that scrapes the real service, with a stand-in for kube-state-metrics and KEDA beside it."""

import itertools
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from atropos_cli.embedded.ports import free_port
from tests.stack import wait_until

NAMESPACE = "tasks"
#: Names of what the leader tells: the chart takes the pod from their labels.
OF_THE_LEADER = "atropos_(tasks|attempts|task|attempt|queue|workers|event_log)_.+"


def require_prometheus() -> None:
    """Skip the test where there is none."""
    if shutil.which("prometheus") is None:
        pytest.skip("there is no `prometheus` on the PATH (Debian and Ubuntu: apt install prometheus)")


class Neighbours:
    """Serves plausible metrics of kube-state-metrics and KEDA, in which something happens with every few scrapes."""

    def __init__(self) -> None:
        self._scrapes = itertools.count()
        neighbours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = neighbours.text(next(neighbours._scrapes)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def text(self, scrape: int) -> str:
        """A pool that is scaled every fourth scrape, an API that is deployed every tenth."""
        pods, deploys = 1 + scrape // 4 % 3, scrape // 10
        pool = f'namespace="{NAMESPACE}",deployment="atropos-worker-default"'
        api = f'namespace="{NAMESPACE}",deployment="atropos-api"'
        scaler = (
            f'namespace="{NAMESPACE}",scaledObject="atropos-worker-default",scaler="redisScaler",'
            'triggerIndex="0",type="scaledobject"'
        )
        return "\n".join(
            [
                f"kube_deployment_spec_replicas{{{pool}}} {pods}",
                f"kube_deployment_spec_replicas{{{api}}} 2",
                f"kube_deployment_status_replicas_ready{{{pool}}} {pods}",
                f"kube_deployment_status_observed_generation{{{pool}}} {scrape // 4}",
                f"kube_deployment_status_observed_generation{{{api}}} {deploys}",
                f'keda_scaler_metrics_value{{{scaler},metric="composite-metric"}} {pods}',
                f'keda_scaler_metrics_value{{{scaler},metric="s0-redis-default"}} {pods}',
                f'keda_scaler_detail_errors_total{{{scaler},metric="s0-redis-default"}} {scrape // 8}',
                "",
            ]
        )

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """Its process, on a port and in a folder of its own. It scrapes every second."""

    def __init__(self, directory: Path, ports: dict[str, int], neighbours: Neighbours) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        directory.mkdir()
        # JSON is YAML.
        (directory / "prometheus.yml").write_text(json.dumps(_configuration(ports, neighbours.port)))
        self.started = time.time()
        with (directory / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={directory}/prometheus.yml",
                    f"--storage.tsdb.path={directory}/data",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                    "--enable-feature=exemplar-storage",
                ],
                stdout=log,
                stderr=log,
            )
        self._log = directory / "prometheus.log"
        wait_until(self._is_ready, what=f"Prometheus: {self._log.read_text()[-800:]}")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        try:
            return httpx.get(f"{self.url}/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **parameters: Any) -> Any:
        """The data of an answer of its API. Fails where it refuses the query."""
        found = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30).json()
        assert found["status"] == "success", (parameters, found)
        return found["data"]

    def history(self, expression: str) -> list[dict[str, Any]]:
        """All series of a query since the start, second by second."""
        window = {"start": self.started, "end": time.time(), "step": 1}
        series: list[dict[str, Any]] = self.ask("query_range", query=expression, **window)["result"]
        return series

    def now(self, expression: str) -> float | None:
        """The value of a query with one series; none without any."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, expression: str, holds: Callable[[float], bool]) -> float:
        """The value of a query with one series, once it holds."""

        def look() -> tuple[float] | None:
            value = self.now(expression)
            return (value,) if value is not None and holds(value) else None

        return wait_until(look, what=f"{expression} in Prometheus")[0]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=30)


def _configuration(ports: dict[str, int], neighbours: int) -> dict[str, Any]:
    """As the chart has it: each process with namespace and pod, and no pod where the leader tells of tasks."""
    jobs = [
        {
            "job_name": name,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": NAMESPACE, "pod": name}}],
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": OF_THE_LEADER, "target_label": label, "replacement": ""}
                for label in ("pod", "instance", "job")
            ],
        }
        for name, port in ports.items()
    ]
    kube = {"job_name": "kube-state-metrics", "honor_labels": True}
    # KEDA's own namespace wins over the one in its metrics, which becomes `exported_namespace`.
    keda = {"job_name": "keda", "honor_labels": False}
    for job, names in ((kube, "kube_.+"), (keda, "keda_.+")):
        job |= {
            "static_configs": [{"targets": [f"127.0.0.1:{neighbours}"], "labels": {"namespace": "keda"}}],
            "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": names, "action": "keep"}],
        }
        jobs.append(job)
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "storage": {"exemplars": {"max_exemplars": 1000}},
        "scrape_configs": jobs,
    }
