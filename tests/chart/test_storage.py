"""Where the pods of a release keep the contents of files: in a bucket, on a volume, or nowhere."""

from typing import Any

import pytest
import yaml

from tests.chart.rendering import ROOT, case_values, environment, of_kind, overlay, pods, render, render_case

#: Components whose main container reads and writes files.
USERS = {"api", "worker", "dispatcher"}
PATH = "/var/lib/atropos/files"


def _settings(case: str) -> dict[str, str]:
    found = of_kind(render_case(case), "ConfigMap")["atropos"]["data"]
    return {name: value for name, value in found.items() if name.startswith("ATROPOS_STORAGE")}


def _claims(spec: dict[str, Any]) -> dict[str, str]:
    """The claims of a pod's volumes, by the volumes' names."""
    return {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in spec["volumes"]
        if "persistentVolumeClaim" in volume
    }


def test_without_either_no_files_are_kept() -> None:
    """No process has a store, and there is no volume for one."""
    assert _settings("defaults") == {}
    assert of_kind(render(), "PersistentVolumeClaim") == {}


def test_a_bucket_is_told_to_all() -> None:
    """With its address and its region, and the key only to those who need it, from the Secret."""
    assert _settings("bucket") == {
        "ATROPOS_STORAGE_URL": "s3://files/atropos",
        "ATROPOS_STORAGE_ENDPOINT": "https://minio.example.org",
        "ATROPOS_STORAGE_REGION": "eu-central-1",
    }
    for each in pods(render_case("bucket")):
        for container in each.containers:
            entries = {entry["name"]: entry for entry in container.get("env", [])}
            keys = {
                name.removeprefix("ATROPOS_STORAGE_"): entry["valueFrom"]["secretKeyRef"]
                for name, entry in entries.items()
                if name.startswith("ATROPOS_STORAGE")
            }
            assert keys == (_keys() if container["name"] in USERS else {}), (each.component, container["name"])


def _keys() -> dict[str, dict[str, Any]]:
    return {
        "ACCESS_KEY_ID": {"name": "bucket", "key": "access-key-id"},
        "SECRET_ACCESS_KEY": {"name": "bucket", "key": "secret-access-key"},
        "SESSION_TOKEN": {"name": "bucket", "key": "session-token", "optional": True},
    }


def test_a_bucket_may_have_no_key() -> None:
    """Then the pods' account has a role: no variable of a key would hide it."""
    rendered = pods(render({"storage": {"url": "s3://files"}}))
    names = {name for each in rendered for entry in each.containers for name in environment(entry)}
    assert not {name for name in names if name.startswith("ATROPOS_STORAGE")}


def test_all_that_use_files_share_one_volume() -> None:
    """Each pool too; only the main container mounts it, and other pods do not have it."""
    assert _settings("volume") == {"ATROPOS_STORAGE_URL": f"file://{PATH}"}
    users = set()
    for each in pods(render_case("volume")):
        places = {
            entry["name"]: mount["mountPath"]
            for entry in each.containers
            for mount in entry.get("volumeMounts", [])
            if mount["name"] == "files"
        }
        if each.component in USERS:
            users.add(each.owner["metadata"]["name"])
            assert _claims(each.spec) == {"files": "demo-atropos-files"}
            assert places == {each.component: PATH}
        else:
            assert (_claims(each.spec).get("files"), places) == (None, {}), each.component
    assert len(users) == 4


def test_their_user_may_write_to_it() -> None:
    """The group of the volume is that of the user, given once and not at each start of a pod."""
    for each in pods(render_case("volume")):
        if each.component in USERS:
            security = each.spec["securityContext"]
            assert (security["runAsNonRoot"], security["runAsGroup"]) == (True, security["fsGroup"])
            assert security["fsGroupChangePolicy"] == "OnRootMismatch"


def test_the_claim_is_as_asked_for() -> None:
    """It stays when the release is uninstalled."""
    claim = of_kind(render_case("volume"), "PersistentVolumeClaim")["files"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "shared",
        "resources": {"requests": {"storage": "50Gi"}},
    }


def test_a_claim_of_ones_own_is_used() -> None:
    """And none is made."""
    own = {"storage": {"persistence": {"existingClaim": "own"}}}
    documents = render(overlay(case_values("volume"), own))
    assert "files" not in of_kind(documents, "PersistentVolumeClaim")
    assert {"own"} == {_claims(each.spec)["files"] for each in pods(documents) if each.component in USERS}


@pytest.mark.parametrize("case", ["kind", "kind-dev"])
def test_a_cluster_of_one_node_keeps_files(case: str) -> None:
    """On a volume of one node, which is all that the cluster has."""
    claim = of_kind(render_case(case), "PersistentVolumeClaim")["files"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert _settings(case) == {"ATROPOS_STORAGE_URL": f"file://{PATH}"}


@pytest.mark.parametrize("image", ["api", "worker"])
def test_the_images_have_its_folder(image: str) -> None:
    """Owned by their user: a new volume of Docker gets that owner."""
    source = (ROOT / "services" / image / "Dockerfile").read_text()
    assert f"install --directory --owner=atropos --group=atropos {PATH}\n" in source


def test_compose_has_the_same_volume() -> None:
    """Shared by the services that use files, at the place that their settings name."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert "files" in compose["volumes"]
    for name in USERS:
        service = compose["services"][name]
        assert f"files:{PATH}" in service["volumes"]
        assert service["environment"]["ATROPOS_STORAGE_URL"] == f"file://{PATH}"
