"""What breaks in a cluster while tasks run: nothing is lost, and everything ends once."""

import pytest

from tests.e2e import cluster
from tests.e2e.cluster import Api
from tests.stack import wait_until


def _restarts(component: str) -> int:
    return sum(
        status["restartCount"]
        for pod in cluster.pods(component)
        for status in pod["status"].get("containerStatuses", [])
    )


@pytest.mark.parametrize(
    ("component", "process"),
    [("worker", "atropos_worker$"), ("redis", "redis-server"), ("postgresql", "postgres: |^postgres ")],
)
def test_a_kill_under_load_loses_nothing(component: str, process: str, api: Api) -> None:
    """SIGKILL while tasks run: each is completed, and only those that a killed worker ran took another attempt."""
    ids = api.submit(40, parameters={"processing_time": 2})
    wait_until(lambda: len(cluster.ready("worker")) >= 3, seconds=90, what="three ready workers")
    before = _restarts(component)
    cluster.kill_on_node(process)
    wait_until(lambda: _restarts(component) > before, seconds=60, what=f"a restart of {component}")
    tasks = api.wait_for_all(ids, seconds=300)
    assert {"completed"} == {task["status"] for task in tasks}
    assert all(api.events(task["task_id"]).count("completed") == 1 for task in tasks)
    retried = [task for task in tasks if task["attempt"] > 1]
    assert len(retried) <= 5, "only what ran at the moment of the kill runs again"
    assert component != "worker" or retried


def test_workers_outlive_an_outage_of_redis(api: Api) -> None:
    """Redis away for a while: pods keep running, none restarts, and a task submitted meanwhile is completed."""
    api.warm_up(3)
    running = api.submit(3, parameters={"processing_time": 20})
    api.wait_until_running(running)
    workers, restarts = set(cluster.ready("worker")), _restarts("worker")
    cluster.kubectl("scale", "statefulset/atropos-redis", "--replicas=0")
    wait_until(lambda: not cluster.ready("redis"), seconds=60, what="Redis to be gone")
    during = api.submit(3)
    tasks = api.wait_for_all(running, seconds=90)
    still = {pod["metadata"]["name"] for pod in cluster.pods("worker")}
    restarts_after = _restarts("worker")
    cluster.kubectl("scale", "statefulset/atropos-redis", "--replicas=1")
    tasks += api.wait_for_all(during, seconds=120)
    assert {("completed", 1)} == {(task["status"], task["attempt"]) for task in tasks}
    assert workers <= still
    assert restarts_after == restarts
