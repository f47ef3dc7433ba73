"""Debian's Prometheus beside the cluster: it reads the pods through the cluster's API, as no image of it is needed."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from atropos_cli.embedded.ports import free_port
from tests.e2e import cluster
from tests.stack import wait_until

#: The annotation of a pod that wants to be scraped.
PORT = "prometheus.io/port"


class Prometheus:
    """Scrapes the pods of the release that ask for it with the usual annotations."""

    def __init__(self) -> None:
        self.port, self._proxy_port = free_port(), free_port()
        self._directory = Path(tempfile.mkdtemp())
        self._targets = self._directory / "targets.json"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Prometheus":
        (self._directory / "prometheus.yml").write_text(json.dumps(self._configuration()))
        self._start("kubectl", "--context", cluster.CONTEXT, "proxy", f"--port={self._proxy_port}")
        self._start(
            "prometheus",
            f"--config.file={self._directory}/prometheus.yml",
            f"--storage.tsdb.path={self._directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=error",
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        try:
            wait_until(self._is_ready, what="Prometheus")
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.http.close()
        for process in self._processes:
            process.terminate()
            process.wait(timeout=30)
        shutil.rmtree(self._directory)

    def _start(self, *command: str) -> None:
        with (self._directory / f"{command[0]}.log").open("ab") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ}))

    def _is_ready(self) -> bool:
        try:
            return self.http.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _configuration(self) -> dict[str, Any]:
        # Debian's build has no discovery in Kubernetes: `_find_pods` writes the file.
        pods = {"job_name": "pods", "file_sd_configs": [{"files": [str(self._targets)]}]}
        return {"global": {"scrape_interval": "1s"}, "scrape_configs": [pods]}

    def _find_pods(self) -> None:
        pods = [pod for pod in cluster.get("pods")["items"] if pod["status"]["phase"] == "Running"]
        targets = [self._target(pod["metadata"]) for pod in pods if PORT in pod["metadata"].get("annotations", {})]
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(targets))
        new.replace(self._targets)

    def _target(self, metadata: dict[str, Any]) -> dict[str, Any]:
        name, port = metadata["name"], metadata["annotations"][PORT]
        path = f"/api/v1/namespaces/{cluster.NAMESPACE}/pods/{name}:{port}/proxy/metrics"
        return {"targets": [f"127.0.0.1:{self._proxy_port}"], "labels": {"__metrics_path__": path, "pod": name}}

    def query(self, expression: str) -> dict[tuple[str, ...], float]:
        """The values of an instant query by their labels' values, in the order of the labels' names."""
        self._find_pods()
        answer = self.http.get("/api/v1/query", params={"query": expression}).raise_for_status().json()
        return {
            tuple(value for _, value in sorted(row["metric"].items())): float(row["value"][1])
            for row in answer["data"]["result"]
        }
