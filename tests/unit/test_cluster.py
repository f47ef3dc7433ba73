"""What the API shows of pods and pools, asked of a server that answers as the API of Kubernetes does."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from atropos_api.cluster import Cluster, PodView, PoolView
from tests.unit.scripted_kubernetes import (
    DEPLOYMENTS,
    PODS,
    SCALED_OBJECTS,
    STARTED,
    ScriptedKubernetes,
    deployment,
    look,
    pod,
    running_pod,
    scaled_object,
    waiting,
)


@pytest.fixture
def kubernetes() -> Iterator[ScriptedKubernetes]:
    """A Kubernetes with nothing in it."""
    with ScriptedKubernetes() as server:
        yield server


@pytest.fixture
def cluster(kubernetes: ScriptedKubernetes) -> Iterator[Cluster]:
    """Asks it."""
    with closing(kubernetes.cluster()) as asking:
        yield asking


def only_pod(cluster: Cluster) -> PodView:
    pods = look(cluster).pods
    assert pods is not None
    (found,) = pods
    return found


def only_pool(cluster: Cluster) -> PoolView:
    pools = look(cluster).pools
    assert pools is not None
    (found,) = pools
    return found


def test_a_running_pod_is_shown_with_all_its_fields(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """Everything that Kubernetes says of a pod reaches its view."""
    kubernetes.answers[PODS] = [running_pod()]
    expected = PodView(
        name="worker-1",
        pool="default",
        phase="Running",
        ready=True,
        terminating=False,
        node="node-a",
        restarts=3,
        deletion_cost=-3,
        started_at=datetime(2026, 11, 24, 9, tzinfo=UTC),
        waiting_reason=None,
    )
    assert expected == only_pod(cluster)


def test_a_pod_that_terminates_says_so(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """A pod with a time of deletion still runs, and is terminating."""
    going = running_pod()
    going["metadata"]["deletionTimestamp"] = STARTED
    kubernetes.answers[PODS] = [going]
    expected = {"terminating": True, "phase": "Running"}
    assert expected == only_pod(cluster).model_dump(include=set(expected))


def test_a_pod_that_is_not_ready_says_so(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """A pod whose condition Ready is False is not ready, though it runs."""
    unready = running_pod()
    unready["status"]["conditions"] = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]
    kubernetes.answers[PODS] = [unready]
    expected = {"ready": False, "phase": "Running"}
    assert expected == only_pod(cluster).model_dump(include=set(expected))


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        ("CrashLoopBackOff", {"containerStatuses": [waiting("CrashLoopBackOff")]}),
        (
            "ImagePullBackOff: Back-off pulling image",
            {"containerStatuses": [waiting("ImagePullBackOff", message="Back-off pulling image")]},
        ),
        (
            "CrashLoopBackOff",
            {
                "initContainerStatuses": [waiting("CrashLoopBackOff")],
                "containerStatuses": [waiting("PodInitializing")],
            },
        ),
        (
            "Unschedulable: 0/3 nodes are available",
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available",
                    }
                ]
            },
        ),
        (None, {}),
    ],
)
def test_a_pod_that_does_not_come_up_says_why(
    expected: str | None, status: dict[str, Any], cluster: Cluster, kubernetes: ScriptedKubernetes
) -> None:
    """What the scheduler, or the first container that waits, gives as its reason is shown."""
    kubernetes.answers[PODS] = [pod(**status)]
    assert expected == only_pod(cluster).waiting_reason


def test_a_pool_joins_its_deployment_and_scaled_object(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """The label of the pool brings the two together."""
    kubernetes.answers[DEPLOYMENTS] = [deployment(replicas=2, readyReplicas=1)]
    kubernetes.answers[SCALED_OBJECTS] = [scaled_object()]
    expected = PoolView(
        pool="default",
        desired=3,
        current=2,
        ready=1,
        minimum=1,
        maximum=8,
        active=True,
        fallback=False,
        paused=False,
        scaler_ready=True,
        scaler_message=None,
    )
    assert expected == only_pool(cluster)


def test_a_pool_without_a_scaled_object_has_sizes_alone(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """Another pool's ScaledObject is none of its own."""
    kubernetes.answers[DEPLOYMENTS] = [deployment("large", desired=0)]
    kubernetes.answers[SCALED_OBJECTS] = [scaled_object()]
    assert PoolView(pool="large", desired=0, current=0, ready=0) == only_pool(cluster)


def test_a_scaler_that_is_not_ready_says_why(cluster: Cluster, kubernetes: ScriptedKubernetes) -> None:
    """The message of the condition Ready is shown while it does not hold; Unknown is null."""
    kubernetes.answers[DEPLOYMENTS] = [deployment()]
    kubernetes.answers[SCALED_OBJECTS] = [scaled_object(Ready="False", Active="Unknown", Fallback="True")]
    expected = {"scaler_ready": False, "scaler_message": "Ready is False", "active": None, "fallback": True}
    assert expected == only_pool(cluster).model_dump(include=set(expected))


@pytest.mark.parametrize(
    ("expected", "annotations", "condition"),
    [
        (True, {}, "True"),
        (True, {"autoscaling.keda.sh/paused": "true"}, "False"),
        (True, {"autoscaling.keda.sh/paused-replicas": "0"}, "Unknown"),
        (False, {"autoscaling.keda.sh/paused": "false"}, "Unknown"),
    ],
)
def test_a_paused_pool_says_so(
    expected: bool, annotations: dict[str, str], condition: str, cluster: Cluster, kubernetes: ScriptedKubernetes
) -> None:
    """A pool is paused by the condition, or by an annotation that KEDA has not seen yet."""
    kubernetes.answers[DEPLOYMENTS] = [deployment()]
    kubernetes.answers[SCALED_OBJECTS] = [scaled_object(annotations, Paused=condition)]
    assert expected is only_pool(cluster).paused
