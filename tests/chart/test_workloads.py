"""What pods are told, and what an upgrade keeps or makes anew."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from atropos_api.__main__ import GRACE_SECONDS
from tests.chart.rendering import CHART, Document, Pods, environment, label, of_kind, pods, render, render_case


def _pods(documents: list[Document], component: str) -> Pods:
    return next(each for each in pods(documents) if each.component == component)


def _settings(case: str) -> dict[str, str]:
    return of_kind(render_case(case), "ConfigMap")["atropos"]["data"]


@pytest.fixture
def next_chart(tmp_path: Path) -> Path:
    """The chart as it will be at its next version."""
    chart = Path(shutil.copytree(CHART, tmp_path / "atropos"))
    metadata = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump(metadata | {"version": "9.9.9", "appVersion": "9.9.9"}))
    return chart


def _selectors(documents: list[Document]) -> dict[str, Any]:
    return {
        label(document): document["spec"]["selector"]
        for document in documents
        if "selector" in document.get("spec", {})
    }


def test_selectors_outlive_the_version(next_chart: Path) -> None:
    """Kubernetes refuses to change the selector of a Deployment, so nothing of a version is in one."""
    assert _selectors(render(chart=next_chart)) == _selectors(render())
    assert "9.9.9" in str(render(chart=next_chart))


@pytest.mark.parametrize("case", ["defaults", "pools", "everything"])
def test_selectors_select_their_own_pods(case: str) -> None:
    """A selector matches the pods of its own template and those of no other workload."""
    documents = render_case(case)
    for owner in [each for each in documents if each["kind"] in {"Deployment", "StatefulSet"}]:
        wanted = owner["spec"]["selector"]["matchLabels"].items()
        assert [label(owner)] == [
            label(each.owner) for each in pods(documents) if wanted <= each.metadata["labels"].items()
        ]


@pytest.mark.parametrize("case", ["defaults", "everything"])
def test_services_lead_to_a_port_of_their_pods(case: str) -> None:
    """Every Service has pods, and each of its target ports is the name of one of theirs."""
    documents = render_case(case)
    for service in of_kind(documents, "Service").values():
        wanted = service["spec"]["selector"].items()
        selected = [each for each in pods(documents) if wanted <= each.metadata["labels"].items()]
        ports = {port["name"] for each in selected for entry in each.containers for port in entry.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, label(service)


def test_the_migration_is_a_job_of_the_revision() -> None:
    """Each revision gets a Job of its own: the template of one that ran cannot be changed."""
    name = next(iter(of_kind(render(revision=7), "Job")))
    assert name.startswith("migrate-7-")


def test_the_migration_has_a_new_name_when_its_pod_changes() -> None:
    """Tools that always render revision 1 get a new Job for a new image."""
    first, second = (of_kind(render(values), "Job") for values in ({}, {"migrate": {"image": {"tag": "v2"}}}))
    assert first.keys() != second.keys()


@pytest.mark.parametrize(("case", "seconds"), [("defaults", 300), ("kind-dev", 30), ("pools", 3600)])
def test_workers_drain_in_time(case: str, seconds: int) -> None:
    """Tasks have the grace period less 10 s, which are for giving back what is left."""
    workers = [each for each in pods(render_case(case)) if each.component == "worker"]
    assert seconds in {each.spec["terminationGracePeriodSeconds"] for each in workers}
    for worker in workers:
        drain = environment(worker.spec["containers"][0])["ATROPOS_DRAIN_SECONDS"]
        assert worker.spec["terminationGracePeriodSeconds"] - 10 == int(drain)


def test_the_api_drains_in_time() -> None:
    """The grace period has room for the drain, for requests in flight after it, and for the process to end."""
    api = _pods(render({"api": {"drainSeconds": 120}}), "api").spec
    assert environment(api["containers"][0])["ATROPOS_API_DRAIN_SECONDS"] == "120"
    assert api["terminationGracePeriodSeconds"] >= 120 + GRACE_SECONDS + 5


@pytest.mark.parametrize("seconds", [0, 120])
def test_the_page_drains_in_time(seconds: int) -> None:
    """nginx is told to go when the drain is over; without one there is no hook."""
    page = _pods(render({"frontend": {"enabled": True, "drainSeconds": seconds}}), "frontend").spec
    hooks = page["containers"][0].get("lifecycle")
    assert hooks == ({"preStop": {"sleep": {"seconds": seconds}}} if seconds else None)
    assert page["terminationGracePeriodSeconds"] > seconds


def test_settings_are_as_written() -> None:
    """Large numbers, fractions and booleans reach the processes as text that they can read."""
    expected = {"MAX_BODY_BYTES": "33554432", "LEASE_SECONDS": "60.5", "LOG_LEVEL": "debug", "DEBUG": "true"}
    found = _settings("everything")
    assert expected == {name: found[f"ATROPOS_{name}"] for name in expected}


def test_large_numbers_are_as_written() -> None:
    """What is put into text elsewhere is no 1e+06 either."""
    values = {"workerDefaults": {"maxTasksPerChild": 1000000}, "redis": {"configuration": {"maxmemory": 100000000}}}
    documents = render(values)
    assert (
        environment(_pods(documents, "worker").spec["containers"][0])["ATROPOS_WORKER_MAX_TASKS_PER_CHILD"] == "1000000"
    )
    assert "maxmemory 100000000\n" in of_kind(documents, "ConfigMap")["redis"]["data"]["redis.conf"]


@pytest.mark.parametrize(
    ("case", "database", "redis"),
    [
        ("defaults", "postgresql://atropos@demo-postgresql:5432/atropos", "redis://demo-redis.tasks.svc:6379/0"),
        (
            "external-database",
            "postgresql://tasks@database.example.org:6432/tasks"
            "?sslmode=verify-full&sslrootcert=/etc/atropos/database/ca.crt",
            "redis://demo-redis.tasks.svc:6379/0",
        ),
        ("external-database-url", None, "redis://demo-redis.tasks.svc:6379/0"),
        (
            "external-redis-tls",
            "postgresql://atropos@demo-postgresql:5432/atropos",
            "rediss://redis.example.org:6380/3?ssl_cert_reqs=required&ssl_ca_certs=/etc/atropos/redis/ca.crt",
        ),
        (
            "plain-passwords",
            "postgresql://atropos@database.example.org:5432/atropos?sslmode=prefer",
            "redis://tasks@redis.example.org:6379/0",
        ),
    ],
)
def test_addresses(case: str, database: str | None, redis: str) -> None:
    """Processes are told where PostgreSQL and Redis are, without the passwords."""
    settings = _settings(case)
    assert (database, redis) == (settings.get("ATROPOS_DATABASE_URL"), settings["ATROPOS_REDIS_URL"])


@pytest.mark.parametrize(("case", "name"), [("external-database", "database-ca"), ("external-redis-tls", "redis-ca")])
def test_the_ca_is_mounted(case: str, name: str) -> None:
    """All processes of ours, the wait for the schema too, can read the CA that their address names."""
    for each in pods(render_case(case)):
        if each.component in {"api", "worker", "dispatcher", "migrate"}:
            assert name in {volume["name"] for volume in each.spec["volumes"]}
            assert all(name in {mount["name"] for mount in entry["volumeMounts"]} for entry in each.containers)


@pytest.mark.parametrize("component", ["dispatcher", "migrate"])
def test_an_image_may_be_given_in_part(component: str) -> None:
    """What the image of a component leaves out comes from the image that it would have without."""
    tagged, default = render({component: {"image": {"tag": "v2"}}}), render()
    image = _pods(default, component).spec["containers"][0]["image"]
    assert f"{image.partition(':')[0]}:v2" == _pods(tagged, component).spec["containers"][0]["image"]


def test_images_are_pinned_by_registry_and_digest() -> None:
    """The global registry is in front of all images of ours, and a digest behind."""
    images = {entry["image"] for each in pods(render_case("everything")) for entry in each.containers}
    ours = {image for image in images if not image.startswith("example/")}
    assert all(image.startswith("registry.example.org/") for image in ours)
    assert f"registry.example.org/atropos-api:0.1.0@sha256:{'0' * 64}" in ours


def test_labels_for_everything_are_on_everything_of_ours() -> None:
    """`commonLabels` are on each document of the chart itself, and on its pods."""
    documents = [each for each in render_case("everything") if each["metadata"].get("labels")]
    ours = [each for each in documents if each["metadata"]["labels"]["app.kubernetes.io/name"] == "atropos"]
    assert {"tasks"} == {each["metadata"]["labels"].get("team") for each in ours}
    assert {"tasks"} == {each.metadata["labels"].get("team") for each in pods(ours)}


def test_further_objects_are_rendered() -> None:
    """Both ways to write one know the release."""
    extra = [each for each in render_case("everything") if each["metadata"]["name"].startswith("extra-")]
    assert [each["data"] for each in extra] == [{"release": "demo"}, {"release": "demo"}]


def test_nobody_else_reaches_a_pod_without_prometheus() -> None:
    """Without namespaces of Prometheus, no policy opens the probes, and none lists an empty set of namespaces."""
    policies = of_kind(render_case("everything"), "NetworkPolicy")
    assert "probes" not in policies
    assert "'values': []" not in str(policies)
