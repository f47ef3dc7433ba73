"""When and how Kubernetes is asked, and what is told of one that does not answer as it should."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from atropos_api.cluster import Cluster, ClusterView, PoolView
from atropos_api.main import create_app
from atropos_core.settings import Settings
from tests.unit.scripted_kubernetes import (
    DEPLOYMENTS,
    PODS,
    SCALED_OBJECTS,
    SELECTOR,
    SETTINGS,
    Clock,
    ScriptedKubernetes,
    deployment,
    look,
    running_pod,
)


@pytest.fixture
def kubernetes() -> Iterator[ScriptedKubernetes]:
    """A Kubernetes with nothing in it."""
    with ScriptedKubernetes() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(kubernetes: ScriptedKubernetes, clock: Clock) -> Iterator[Cluster]:
    """Asks it."""
    with closing(kubernetes.cluster(clock=clock)) as asking:
        yield asking


def test_only_what_belongs_to_the_release_is_asked_for(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """Lists are of the selector and at most 500; Deployments and ScaledObjects are those with a pool."""
    look(cluster)
    in_pool = {"labelSelector": [f"{SELECTOR},atropos/pool"], "limit": ["500"]}
    expected = {
        PODS: {"labelSelector": [SELECTOR], "limit": ["500"]},
        DEPLOYMENTS: in_pool,
        SCALED_OBJECTS: in_pool,
    }
    assert expected == kubernetes.queries


def test_more_pods_than_are_read_is_a_problem(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """A list that Kubernetes would continue is shown, and said not to be all."""
    kubernetes.answers[PODS] = {"metadata": {"continue": "more"}, "items": [running_pod()]}
    view = look(cluster)
    expected = (1, "Kubernetes does not tell all: of the pods, only the first 500 are shown.")
    assert expected == (len(view.pods or ()), view.problem)


def test_a_cluster_without_keda_is_no_problem(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """Where there is no such kind as ScaledObjects, pools of a fixed size are all there is to tell."""
    kubernetes.answers |= {PODS: [running_pod()], DEPLOYMENTS: [deployment()], SCALED_OBJECTS: 404}
    view = look(cluster)
    pools = [PoolView(pool="default", desired=3, current=0, ready=0)]
    assert (1, pools, None) == (len(view.pods or ()), view.pools, view.problem)


def test_a_scaled_object_that_may_not_be_listed_is_a_problem(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """Only 404 is no problem: 403 hides what scales the pools."""
    kubernetes.answers |= {DEPLOYMENTS: [deployment()], SCALED_OBJECTS: 403}
    view = look(cluster)
    expected = "Kubernetes does not tell all: the service account of the API may not list ScaledObjects."
    assert (1, expected) == (len(view.pools or ()), view.problem)


def test_what_may_not_be_listed_is_a_problem(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """403 for pods leaves the pools to be seen."""
    kubernetes.answers |= {PODS: 403, DEPLOYMENTS: [deployment()]}
    view = look(cluster)
    expected = "Kubernetes does not tell all: the service account of the API may not list pods."
    assert (None, 1, expected) == (view.pods, len(view.pools or ()), view.problem)


def test_an_answer_out_of_shape_is_a_problem(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """A document that is no list leaves the rest to be seen."""
    kubernetes.answers |= {PODS: {"hello": "world"}, DEPLOYMENTS: [deployment()]}
    view = look(cluster)
    expected = "Kubernetes does not tell all: its pods cannot be read, as the log of the API tells."
    assert (None, 1, expected) == (view.pods, len(view.pools or ()), view.problem)


def test_a_kubernetes_that_hangs_is_given_up_on(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """After one timeout nothing more is asked, nothing is tried again, and what came before is shown."""
    kubernetes.answers[PODS] = [running_pod()]
    kubernetes.hanging = {DEPLOYMENTS}
    view = look(cluster)
    expected = "Kubernetes does not tell all: its API does not answer (asked for Deployments)."
    assert (1, None, expected) == (len(view.pods or ()), view.pools, view.problem)
    assert kubernetes.asked == [PODS, DEPLOYMENTS]


def test_outside_a_pod_the_problem_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A selector without a Kubernetes around is a problem that is shown."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    expected = ClusterView(None, None, "The API cannot ask Kubernetes: Service host/port is not set.")
    assert expected == Cluster(SETTINGS).look()


def test_many_viewers_cost_one_look(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """A hundred who look at the same time see the same view, which was asked for once."""
    views: list[ClusterView] = []
    viewers = [threading.Thread(target=lambda: views.append(look(cluster))) for _ in range(100)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert kubernetes.asked == [PODS, DEPLOYMENTS, SCALED_OBJECTS]
    assert sum(view is views[0] for view in views) == 100


@pytest.mark.parametrize("answer", [[], 403])
def test_a_view_holds_for_two_seconds(
    answer: Any, cluster: Cluster, kubernetes: ScriptedKubernetes, clock: Clock
) -> None:
    """A view, also of a failure, is shown for two seconds and then looked at anew."""
    kubernetes.answers[PODS] = answer
    look(cluster)
    clock.now += 1.9
    look(cluster)
    assert kubernetes.asked.count(PODS) == 1
    clock.now += 0.2
    look(cluster)
    assert kubernetes.asked.count(PODS) == 2


def test_while_one_looks_the_others_see_the_last_view(kubernetes: ScriptedKubernetes, clock: Clock) -> None:
    """A Kubernetes that hangs holds one thread; the others have the view from before at once."""
    cluster = kubernetes.cluster(timeout=10, clock=clock)
    before = look(cluster)
    clock.now += 3
    kubernetes.hanging = {PODS}
    held = threading.Thread(target=cluster.look)
    held.start()
    assert kubernetes.arrived.wait(5)
    assert before is cluster.look()
    kubernetes.released.set()
    held.join(5)
    cluster.close()
    assert not held.is_alive()


def settings_with_database_away() -> Settings:
    """Those of the scripted Kubernetes, and a database where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg2://atropos@127.0.0.1:{unused.getsockname()[1]}/atropos"
    return SETTINGS.model_copy(update={"database_url": url})


@pytest.mark.parametrize("path", ["/workers", "/stats"])
def test_kubernetes_is_asked_before_the_database(path: str, kubernetes: ScriptedKubernetes) -> None:
    """With a database that is away Kubernetes was asked all the same: no connection is held while it answers."""
    app = create_app(settings_with_database_away())
    app.state.cluster = kubernetes.cluster()

    async def get() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            return (await client.get(path)).status_code

    status = asyncio.run(get())
    app.state.cluster.close()
    expected = (503, [PODS, DEPLOYMENTS, SCALED_OBJECTS])
    assert expected == (status, kubernetes.asked)


def test_without_a_selector_the_package_is_not_imported() -> None:
    """An API outside Kubernetes neither looks nor pays for the client."""
    program = """
import sys
from atropos_api.main import create_app
from atropos_core.settings import Settings

assert create_app(Settings(kubernetes_selector=None)).state.cluster.look() is None
print("kubernetes" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
