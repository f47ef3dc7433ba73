"""A fresh release for each module: the namespace enforces the restricted Pod Security profile."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e import cluster
from tests.stack import wait_until

COLLECTED = ("pods", "events", "scaledobjects", "jobs")


@pytest.fixture(scope="session", autouse=True)
def _cluster_answers() -> None:
    try:
        cluster.run("kubectl", "--context", cluster.CONTEXT, "get", "--raw", "/readyz")
    except (cluster.CommandFailed, OSError) as error:
        pytest.fail(f"these tests need the cluster of `make kind-up`: {error}")


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """An empty namespace, which goes at the end with all that is in it."""
    _delete_namespace()
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": cluster.NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    cluster.run("sh", "-c", f"echo '{json.dumps(manifest)}' | kubectl --context {cluster.CONTEXT} apply -f -")
    yield cluster.NAMESPACE
    _delete_namespace()


def _delete_namespace() -> None:
    """With its pods at once: nobody is left for whom they would drain."""
    delete = ("delete", "namespace", cluster.NAMESPACE, "--ignore-not-found")
    cluster.kubectl(*delete, "--wait=false")
    cluster.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
    cluster.kubectl(*delete, "--timeout=300s")


@pytest.fixture(scope="module")
def release(namespace: str) -> str:
    """The chart, installed with --wait."""
    started = time.monotonic()
    cluster.upgrade()
    print(f"\ninstalled with --wait in {time.monotonic() - started:.1f} s")  # noqa: T201 - a figure for people
    return cluster.RELEASE


@pytest.fixture
def api(release: str) -> Iterator[cluster.Api]:
    """The API of the release, which has no work left from the test before."""
    client = cluster.Api()
    wait_until(client.is_ready, what="a ready API", seconds=120)
    yield client
    client.http.close()


@pytest.fixture
def idle(api: cluster.Api) -> cluster.Api:
    """The same, scaled to zero."""
    wait_until(lambda: not cluster.pods("worker"), seconds=180, what="the pool to scale to zero")
    return api


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """What the cluster looked like when a test failed."""
    report = yield
    if report.failed:
        for kind in COLLECTED:
            try:
                report.sections.append((kind, cluster.kubectl("get", kind, "-o", "wide", "--sort-by=.metadata.name")))
            except cluster.CommandFailed as error:
                report.sections.append((kind, str(error)))
    return report
