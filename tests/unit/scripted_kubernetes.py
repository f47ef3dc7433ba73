"""A Kubernetes that answers as a test says, and documents as it lists them; called by the unit tests of the cluster."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from kubernetes.client import Configuration

from atropos_api.cluster import Cluster, ClusterView
from atropos_core.settings import Settings

SELECTOR = "app.kubernetes.io/instance=atropos,app.kubernetes.io/component=worker"
PODS = "/api/v1/namespaces/tasks/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/tasks/deployments"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/tasks/scaledobjects"
STARTED = "2026-11-24T09:00:00Z"
SETTINGS = Settings(kubernetes_selector=SELECTOR, kubernetes_namespace="tasks")


class ScriptedKubernetes(ThreadingHTTPServer):
    """Answers each path with what `answers` has for it, a document or a status; paths in `hanging` wait for the end."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Any] = {PODS: [], DEPLOYMENTS: [], SCALED_OBJECTS: []}
        self.hanging: set[str] = set()
        self.asked: list[str] = []
        self.queries: dict[str, dict[str, list[str]]] = {}
        self.arrived = threading.Event()
        self.released = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def configure(self, configuration: Configuration) -> None:
        configuration.host = f"http://127.0.0.1:{self.server_port}"

    def cluster(
        self, settings: Settings = SETTINGS, *, timeout: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> Cluster:
        """A cluster that asks this server and waits for `timeout` seconds."""
        return Cluster(settings, configure=self.configure, timeout=timeout, clock=clock)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedKubernetes

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append(url.path)
        self.server.queries[url.path] = parse_qs(url.query)
        if url.path in self.server.hanging:
            self.server.arrived.set()
            self.server.released.wait(10)
            self.close_connection = True
            return
        answer = self.server.answers[url.path]
        if isinstance(answer, int):
            self._send(answer, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": answer})
        elif isinstance(answer, list):
            self._send(200, {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": answer})
        else:
            self._send(200, answer)

    def _send(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def pod(**status: Any) -> dict[str, Any]:
    """A pod as it is listed before it is scheduled, with more in its status."""
    metadata = {"name": "worker-1", "labels": {"atropos/pool": "default"}}
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Pending", **status}}


def running_pod() -> dict[str, Any]:
    running = pod(
        phase="Running",
        startTime=STARTED,
        conditions=[{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
        containerStatuses=[
            {"name": "worker", "ready": True, "restartCount": 2, "state": {"running": {"startedAt": STARTED}}},
            {"name": "mesh", "ready": True, "restartCount": 1, "state": {"running": {"startedAt": STARTED}}},
        ],
    )
    running["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "-3"}
    running["spec"]["nodeName"] = "node-a"
    return running


def waiting(reason: str, **more: str) -> dict[str, Any]:
    return {"name": "worker", "ready": False, "restartCount": 4, "state": {"waiting": {"reason": reason, **more}}}


def deployment(pool: str = "default", desired: int = 3, **status: int) -> dict[str, Any]:
    """A Deployment as it is listed, with its status, where counts of none are left out."""
    metadata = {"name": f"worker-{pool}", "labels": {"atropos/pool": pool}}
    return {"metadata": metadata, "spec": {"replicas": desired}, "status": status}


def scaled_object(annotations: dict[str, str] | None = None, **conditions: str) -> dict[str, Any]:
    metadata = {"name": "worker-default", "labels": {"atropos/pool": "default"}, "annotations": annotations or {}}
    states = {"Ready": "True", "Active": "True", "Fallback": "False", "Paused": "False"} | conditions
    found = [{"type": name, "status": state, "message": f"{name} is {state}"} for name, state in states.items()]
    return {"metadata": metadata, "spec": {"minReplicaCount": 1, "maxReplicaCount": 8}, "status": {"conditions": found}}


def look(cluster: Cluster) -> ClusterView:
    view = cluster.look()
    assert view is not None
    return view
