"""Workers follow the queue, and scaling costs no task: DESIGN's promises to those who were burned by scale-ins."""

import time

from tests.e2e import cluster
from tests.e2e.cluster import Api
from tests.stack import wait_until

POOL = "deployment/atropos-worker-default"
SCALED_OBJECT = "scaledobject/atropos-worker-default"


def _pods_of(tasks: list[dict]) -> set[str]:
    """The pods that ran them last."""
    return {task["worker"].partition("@")[2].partition(":")[0] for task in tasks}


def _costly_pods(api: Api, *, count: int) -> list[dict]:
    """The ready pods with a deletion cost, as the API shows them; none until there are so many."""
    costly = [pod for pod in api.http.get("/workers").json()["pods"] if pod["deletion_cost"] and pod["ready"]]
    return costly if len(costly) == count else []


def test_helm_test_passes(release: str) -> None:
    """`helm test` submits a task and sees it completed."""
    assert "Phase:          Succeeded" in cluster.helm("test", release, "--timeout", "200s")


def test_the_first_task_wakes_a_sleeping_pool(idle: Api) -> None:
    """With no worker at all a task is completed; the figure is printed."""
    started = time.monotonic()
    (task,) = idle.wait_for_all(idle.submit(), seconds=60)
    print(f"\nfrom zero workers to the first task done: {time.monotonic() - started:.1f} s")  # noqa: T201
    assert (task["status"], task["attempt"]) == ("completed", 1)


def test_a_burst_scales_out_and_back_to_zero(idle: Api) -> None:
    """200 tasks bring the pool to its maximum; all complete in one attempt; then it goes to zero."""
    ids = idle.submit(200, parameters={"processing_time": 1})
    wait_until(lambda: len(cluster.ready("worker")) == 5, seconds=120, what="five ready workers")
    tasks = idle.wait_for_all(ids, seconds=300)
    assert {("completed", 1)} == {(task["status"], task["attempt"]) for task in tasks}
    wait_until(lambda: not cluster.pods("worker"), seconds=180, what="the pool to scale to zero")


def test_pods_and_pools_are_shown(idle: Api) -> None:
    """GET /workers and GET /stats show the pods, their cost and the pool as KEDA scales it."""
    ids = idle.submit(2, parameters={"processing_time": 45})
    busy = wait_until(lambda: _costly_pods(idle, count=2), seconds=60, what="two ready pods with a deletion cost")
    (pool,) = idle.http.get("/stats").json()["pools"]
    idle.wait_for_all(ids, seconds=90)
    assert {("default", 1)} == {(pod["pool"], pod["deletion_cost"]) for pod in busy}
    assert (pool["pool"], pool["minimum"], pool["maximum"], pool["active"]) == ("default", 0, 5, True)


def test_a_scale_in_takes_idle_pods_first(idle: Api) -> None:
    """Four of five tasks end early: four pods go, and the one that runs the long task is not touched."""
    idle.warm_up(5)
    (long,) = idle.submit(parameters={"processing_time": 110})
    short = idle.submit(4, parameters={"processing_time": 15})
    idle.wait_until_running([long, *short])
    (pod,) = _pods_of([idle.task(long)])
    idle.wait_for_all(short, seconds=60)
    wait_until(lambda: len(cluster.pods("worker")) == 1, seconds=70, what="a scale-in to one pod")
    assert ("processing", {pod}) == (idle.task(long)["status"], {p["metadata"]["name"] for p in cluster.pods("worker")})
    (task,) = idle.wait_for_all([long], seconds=90)
    assert (task["status"], task["attempt"], task["interruptions"]) == ("completed", 1, 0)


def test_a_scale_in_of_busy_pods_loses_nothing(idle: Api) -> None:
    """Five pods with long tasks are scaled to one: each finishes what it runs, in its one attempt."""
    idle.warm_up(5)
    ids = idle.submit(5, parameters={"processing_time": 45})
    idle.wait_until_running(ids)
    cluster.kubectl("patch", SCALED_OBJECT, "--type=merge", "-p", '{"spec": {"maxReplicaCount": 1}}')
    try:
        wait_until(lambda: len(cluster.pods("worker")) == 1, seconds=60, what="a scale-in to one pod")
        assert {"processing"} == {idle.task(task_id)["status"] for task_id in ids}
        tasks = idle.wait_for_all(ids, seconds=120)
    finally:
        cluster.kubectl("patch", SCALED_OBJECT, "--type=merge", "-p", '{"spec": {"maxReplicaCount": 5}}')
    assert {("completed", 1, 0)} == {(task["status"], task["attempt"], task["interruptions"]) for task in tasks}


def test_what_does_not_fit_into_the_grace_period_goes_back(idle: Api) -> None:
    """A task longer than the grace period is given back by the pod that goes, and its attempt with it."""
    (task_id,) = idle.submit(parameters={"processing_time": 70})
    idle.wait_until_running([task_id])
    (pod,) = wait_until(lambda: cluster.ready("worker"), what="a ready worker")
    cluster.kubectl("delete", "pod", pod, "--wait=false")
    (task,) = idle.wait_for_all([task_id], seconds=180)
    assert (task["status"], task["attempt"], task["interruptions"]) == ("completed", 1, 1)
    happened = [event for event in idle.events(task_id) if event != "progressed"]
    assert happened == ["submitted", "started", "interrupted", "started", "completed"]
