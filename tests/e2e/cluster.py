"""One release of the chart in the kind cluster, driven as people drive it: kubectl, helm and HTTP."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from tests.stack import wait_until

ROOT = Path(__file__).parents[2]
CONTEXT = "kind-atropos"
NAMESPACE = "atropos-e2e"
RELEASE = "atropos"
API_URL = "http://127.0.0.1:30080"
NODE = "atropos-control-plane"
VALUES = ["k8s/values-kind.yaml", "tests/e2e/values.yaml"]
ENDED = {"completed", "failed", "cancelled"}


class CommandFailed(Exception):
    """With what the command printed."""


def run(*command: str, timeout: float = 300) -> str:
    """The standard output of a command. Raises CommandFailed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def kubectl(*arguments: str, timeout: float = 300) -> str:
    """kubectl in the release's namespace."""
    return run("kubectl", "--context", CONTEXT, "--namespace", NAMESPACE, *arguments, timeout=timeout)


def get(*arguments: str) -> dict[str, Any]:
    """`kubectl get … -o json`."""
    found: dict[str, Any] = json.loads(kubectl("get", *arguments, "-o", "json"))
    return found


def helm(*arguments: str, timeout: float = 600) -> str:
    """helm in the release's namespace."""
    return run("helm", "--kube-context", CONTEXT, "--namespace", NAMESPACE, *arguments, timeout=timeout)


def upgrade(*arguments: str, seconds: int = 300) -> str:
    """`helm upgrade --install --wait` of the chart with the values of these tests, and more."""
    values = [option for path in VALUES for option in ("--values", path)]
    return helm(
        "upgrade", "--install", RELEASE, "charts/atropos", *values, "--wait", f"--timeout={seconds}s", *arguments
    )


def pods(component: str) -> list[dict[str, Any]]:
    """The pods of a component that are not on their way out."""
    found = get("pods", "-l", f"app.kubernetes.io/component={component}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def ready(component: str) -> list[str]:
    """Names of the component's ready pods."""
    return [
        pod["metadata"]["name"]
        for pod in pods(component)
        if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    ]


def kill_on_node(pattern: str) -> None:
    """SIGKILL every process on the node whose command line matches, as the kernel's OOM killer would."""
    run("docker", "exec", NODE, "pkill", "-9", "-f", pattern)


class Api:
    """The API, through the cluster's own load balancing."""

    def __init__(self) -> None:
        # No connection is kept: each request is balanced anew, as those of many clients are.
        self.http = httpx.Client(base_url=API_URL, timeout=20, headers={"Connection": "close"})

    def is_ready(self) -> bool:
        """Whether it takes tasks; False while the cluster's network does not lead to it yet."""
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def submit(self, count: int = 1, **task: Any) -> list[str]:
        """Submit the same task some times in one batch; returns the ids."""
        body = {"tasks": [{"task_type": "default", **task}] * count}
        answer = self.http.post("/tasks/batch", json=body)
        assert answer.status_code == 202, answer.text
        return [entry["task_id"] for entry in answer.json()["tasks"]]

    def warm_up(self, pods: int) -> None:
        """So many workers, idle for now: tasks that are submitted next begin together, however pods come up."""
        ids = self.submit(pods, parameters={"processing_time": 600})
        self.wait_until_running(ids)
        for task_id in ids:
            self.http.post(f"/tasks/{task_id}/cancel").raise_for_status()
        self.wait_for_all(ids, seconds=30)

    def task(self, task_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/tasks/{task_id}").raise_for_status().json()
        return found

    def wait_until_given_back(self, task_id: str, times: int) -> dict[str, Any]:
        """The task, once workers have given it back so often, and it waits."""

        def find() -> dict[str, Any] | None:
            task = self.task(task_id)
            return task if task["status"] == "pending" and task["interruptions"] >= times else None

        return wait_until(find, seconds=120, what=f"{task_id} to be given back")

    def wait_for_all(self, task_ids: Iterable[str], *, seconds: float) -> list[dict[str, Any]]:
        """The tasks, once all ended."""
        found: dict[str, dict[str, Any]] = {}
        waiting = sorted(set(task_ids))

        def all_ended() -> bool:
            while waiting and (task := self._look(waiting[0])) and task["status"] in ENDED:
                found[waiting.pop(0)] = task
            return not waiting

        wait_until(all_ended, seconds=seconds, what=lambda: f"{len(waiting)} tasks to end, such as {waiting[0]}")
        return list(found.values())

    def _look(self, task_id: str) -> dict[str, Any] | None:
        try:
            answer = self.http.get(f"/tasks/{task_id}")
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def events(self, task_id: str) -> list[str]:
        """The types of an ended task's events, in order."""
        with self.http.stream("GET", f"/tasks/{task_id}/events", headers={"Accept": "text/event-stream"}) as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
        return [json.loads(line)["type"] for line in lines]

    def wait_until_running(self, task_ids: Iterable[str], *, seconds: float = 120) -> None:
        """Until all of them run at the same time."""
        ids = list(task_ids)
        wait_until(
            lambda: all(self.task(task_id)["status"] == "processing" for task_id in ids),
            seconds=seconds,
            what=f"{len(ids)} tasks to run at the same time",
        )
