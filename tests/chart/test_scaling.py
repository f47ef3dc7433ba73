"""How pools are scaled: ScaledObjects, their credentials, HPAs."""

import json
from typing import Any

import pytest

from tests.chart.rendering import NAMESPACE, RELEASE, Document, environment, of_kind, pods, render, render_case


def _scaled_object(case: str, pool: str) -> dict[str, Any]:
    return of_kind(render_case(case), "ScaledObject")[f"worker-{pool}"]["spec"]


def _triggers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Metadata of the triggers by name."""
    return {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"]}


def _modifiers(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["advanced"]["scalingModifiers"]


def _queues(pool: str) -> list[str]:
    """What the pods of a pool are told to take tasks from."""
    worker = next(each for each in pods(render_case("pools")) if each.metadata["labels"].get("atropos/pool") == pool)
    return environment(worker.spec["containers"][0])["ATROPOS_WORKER_QUEUES"].split(",")


def test_one_queue_is_counted_with_what_runs() -> None:
    """Pods are kept for what waits and for what runs."""
    spec = _scaled_object("defaults", "default")
    lists = {name: metadata["listName"] for name, metadata in _triggers(spec).items()}
    assert lists == {"queued_0": "default", "running_0": "atropos:running:default"}
    assert _modifiers(spec)["formula"] == "queued_0 + running_0"


def test_all_queues_of_a_pool_are_counted() -> None:
    """The formula is the sum of two triggers for each queue that the pool's pods take tasks from."""
    spec = _scaled_object("pools", "media")
    queues = ["video", "audio.fast", "Images_1"]
    expected = {f"queued_{index}": queue for index, queue in enumerate(queues)}
    expected |= {f"running_{index}": f"atropos:running:{queue}" for index, queue in enumerate(queues)}
    assert expected == {name: metadata["listName"] for name, metadata in _triggers(spec).items()}
    assert sorted(expected) == sorted(_modifiers(spec)["formula"].split(" + "))
    assert queues == _queues("media")


def test_a_pool_without_queues_takes_the_one_with_its_name() -> None:
    """The pool `numbers` takes tasks from the queue `numbers`."""
    assert _queues("numbers") == ["numbers"]


def test_a_pool_s_task_types_go_to_its_first_queue() -> None:
    """Every process is told, so that the API writes it into new tasks; without such pools nothing is said."""
    told = {case: of_kind(render_case(case), "ConfigMap")["atropos"]["data"] for case in ("pools", "defaults")}
    queues = json.loads(told["pools"]["ATROPOS_TASK_QUEUES"])
    assert queues == {"video_processing": "video", "data_processing": "video"}
    assert "ATROPOS_TASK_QUEUES" not in told["defaults"]


def test_a_pod_is_wanted_for_each_full_set_of_slots() -> None:
    """The target is the pool's concurrency, and one task is enough for a first pod."""
    modifiers = _modifiers(_scaled_object("pools", "media"))
    assert tuple(modifiers[key] for key in ("target", "activationTarget", "metricType")) == ("4", "0", "AverageValue")


@pytest.mark.parametrize(("pool", "replicas"), [("media", 1), ("default", 2)])
def test_pods_stay_while_redis_is_away(pool: str, replicas: int) -> None:
    """The fallback is never zero, and takes no pod away."""
    fallback = _scaled_object("pools", pool)["fallback"]
    assert (replicas, "currentReplicasIfHigher") == (fallback["replicas"], fallback["behavior"])


def test_the_address_of_redis_has_the_namespace() -> None:
    """KEDA runs in a namespace of its own."""
    triggers = _triggers(_scaled_object("defaults", "default"))
    expected = f"{RELEASE}-redis.{NAMESPACE}.svc:6379"
    assert {(expected, "0")} == {(each["address"], each["databaseIndex"]) for each in triggers.values()}


def test_keda_asks_the_external_redis() -> None:
    """It asks the same database of the same server as the pods, encrypted as well."""
    triggers = _triggers(_scaled_object("external-redis-tls", "default"))
    found = {(each["address"], each["databaseIndex"], each["enableTLS"]) for each in triggers.values()}
    assert {("redis.example.org:6380", "3", "true")} == found


def test_keda_trusts_the_ca_of_a_redis_without_password() -> None:
    """The CA comes through a TriggerAuthentication, which exists even where there is no password."""
    authentication = of_kind(render_case("external-redis-tls"), "TriggerAuthentication")["redis"]
    assert authentication["spec"]["secretTargetRef"] == [{"parameter": "ca", "name": "redis-ca", "key": "ca.crt"}]
    triggers = _scaled_object("external-redis-tls", "default")["triggers"]
    assert {"demo-atropos-redis"} == {trigger["authenticationRef"]["name"] for trigger in triggers}


def test_keda_logs_in_as_the_user_of_redis() -> None:
    """Its password alone would be taken for the one of the default user."""
    triggers = _triggers(_scaled_object("plain-passwords", "default"))
    assert {"tasks"} == {each["username"] for each in triggers.values()}


@pytest.mark.parametrize("case", ["defaults", "plain-passwords"])
def test_keda_reads_the_password_that_pods_read(case: str) -> None:
    """The TriggerAuthentication names the key of the Secret that the API's password comes from."""
    documents = render_case(case)
    entries = next(each for each in pods(documents) if each.component == "api").spec["containers"][0]["env"]
    source = next(each for each in entries if each["name"] == "ATROPOS_REDIS_PASSWORD")["valueFrom"]["secretKeyRef"]
    authentication = of_kind(documents, "TriggerAuthentication")["redis"]
    assert [{"parameter": "password", **source}] == authentication["spec"]["secretTargetRef"]


def _behaviour(documents: list[Document]) -> dict[str, Any]:
    spec = of_kind(documents, "ScaledObject")["worker-default"]["spec"]
    return spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


@pytest.mark.parametrize(("kubernetes", "there"), [("1.34", False), ("1.35", True)])
def test_tolerance_is_set_where_it_is_known(kubernetes: str, there: bool) -> None:
    """Kubernetes refuses the field before 1.35, where its feature is off."""
    behaviour = _behaviour(render_case("defaults", kubernetes))
    assert [there, there] == ["tolerance" in behaviour[direction] for direction in ("scaleUp", "scaleDown")]


def test_a_pool_has_its_own_values_of_keda() -> None:
    """What a pool says of KEDA wins, and what it leaves out comes from `keda`."""
    spec = _scaled_object("pools", "media")
    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (5, 60)


def test_an_hpa_keeps_one_pod() -> None:
    """Zero is for KEDA alone: an HPA has no metric without a pod."""
    scaler = of_kind(render_case("hpa"), "HorizontalPodAutoscaler")["worker-default"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 4)


@pytest.mark.parametrize("case", ["no-keda", "hpa", "kind-dev"])
def test_nothing_of_keda_without_keda(case: str) -> None:
    """A cluster without KEDA does not know its kinds."""
    assert not [each for each in render_case(case) if each["apiVersion"].startswith("keda.sh/")]


def test_keda_that_is_there_is_not_missed() -> None:
    """A cluster that has KEDA takes the defaults."""
    apis = ["apiregistration.k8s.io/v1", "keda.sh/v1alpha1"]
    assert of_kind(render(apis=apis), "ScaledObject")
