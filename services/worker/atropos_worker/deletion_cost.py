"""Keeps the pod's deletion cost at its number of running tasks, so that a scale-in takes idle pods first.

Kubernetes removes the pods of a ReplicaSet with the least `controller.kubernetes.io/pod-deletion-cost` first (its
documentation, "Pod deletion cost"), best effort: a busy pod that is removed nevertheless drains.
"""

import json
import os
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import structlog

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
#: What Kubernetes mounts into a pod for its service account.
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: How often the running tasks are looked at, in seconds.
LOOK_SECONDS = 0.2
#: A pod is called idle after it was for this long, in seconds: short tasks in a row cost one write, not two each.
IDLE_SECONDS = 5.0
TIMEOUT_SECONDS = 5.0

log = structlog.get_logger("atropos.worker")


class DeletionCost:
    """A thread that writes the edges between idle and busy; the API server asks not to be written to more often."""

    def __init__(self, running: Callable[[], int], write: Callable[[int], None]) -> None:
        self._running, self._write = running, write
        self._written: int | None = None
        self._busy_at = 0.0

    def start(self) -> None:
        """Keep it from now on."""
        threading.Thread(target=self._keep, name="deletion-cost", daemon=True).start()

    def look(self, now: float) -> None:
        """Write the cost if the pod became busy, or was idle long enough. Raises OSError if it could not."""
        running = self._running()
        if running:
            self._busy_at = now
        elif self._written and now - self._busy_at < IDLE_SECONDS:
            return
        if self._written is None or bool(self._written) != bool(running):
            # A write that fails may have been taken: after it, nobody knows what the pod has.
            self._written = None
            self._write(running)
            self._written = running

    def _keep(self) -> None:
        while True:
            pause = LOOK_SECONDS
            try:
                self.look(time.monotonic())
            except Exception as error:
                log.warning("atropos.worker.deletion_cost_not_written", error=str(error))
                pause = TIMEOUT_SECONDS
            time.sleep(pause)


def write_to_pod(cost: int) -> None:
    """Annotate this process's pod, whose name is its host's. Raises OSError (HTTPError, URLError) if refused."""
    # In place of the `kubernetes` package, which would cost each worker 40 MB of memory for this one call.
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    namespace = (ACCOUNT / "namespace").read_text()
    request = urllib.request.Request(
        f"https://{address}/api/v1/namespaces/{namespace}/pods/{socket.gethostname()}",
        data=json.dumps({"metadata": {"annotations": {ANNOTATION: str(cost)}}}).encode(),
        method="PATCH",
        headers={
            # Read each time: tokens are renewed.
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
            "Content-Type": "application/merge-patch+json",
        },
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context):  # noqa: S310
        pass
