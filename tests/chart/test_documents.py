"""What holds for every document and every pod, whatever was switched on."""

import json
from base64 import b64encode
from functools import cache
from pathlib import Path

import helm_python
import jsonschema
import kubernetes_validate
import pytest

from tests.chart.rendering import (
    CASES,
    CHART,
    NEWEST,
    OLDEST,
    RELEASE,
    SUBCHARTS,
    case_values,
    is_extra,
    label,
    of_kind,
    pods,
    render_case,
)

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in Path(__file__).parent.glob("schemas/*.json")}
WARNING = 2
STANDARD_LABELS = {"name", "instance", "component", "version", "managed-by", "part-of"}
#: Kinds of volumes that the restricted profile of the Pod Security Standards lets pods have.
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
HOST_FIELDS = {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}

every_case = pytest.mark.parametrize("case", CASES)


@cache
def _validate(text: str, kubernetes: str) -> None:
    """Once for each document that several cases have alike: the schemas are large."""
    document = json.loads(text)
    schema = SCHEMAS.get(document["kind"].lower())
    if schema:
        jsonschema.validate(document, schema)
    else:
        kubernetes_validate.validate(document, kubernetes, strict=True)


@every_case
@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_lint_finds_nothing(case: str, kubernetes: str) -> None:
    """`helm lint --strict` has neither errors nor warnings."""
    report = helm_python.lint(CHART, case_values(case), strict=True, kube_version=f"v{kubernetes}.0")
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] >= WARNING] == []


@pytest.mark.parametrize("subchart", SUBCHARTS, ids=lambda path: path.name)
def test_lint_finds_nothing_in_a_subchart(subchart: Path) -> None:
    """A subchart passes by itself, so its defaults fit its own schema."""
    report = helm_python.lint(subchart, strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] >= WARNING] == []


def test_newest_is_the_newest_known() -> None:
    """A newer kubernetes-validate brings newer schemas, which these tests then should use."""
    assert f"{NEWEST}.0" == kubernetes_validate.latest_version()


@every_case
@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_documents_fit_their_schemas(case: str, kubernetes: str) -> None:
    """Every document has only the fields that its kind has, in the oldest and the newest Kubernetes."""
    for document in render_case(case, kubernetes):
        _validate(json.dumps(document), kubernetes)


@every_case
def test_names_are_unique_and_short(case: str) -> None:
    """No two documents of a kind share a name, and every name fits a label."""
    labels = [label(document) for document in render_case(case)]
    assert sorted(set(labels)) == sorted(labels)
    assert all(len(name.partition("/")[2]) <= 63 for name in labels)


@every_case
def test_documents_have_the_standard_labels(case: str) -> None:
    """All documents can be found by the recommended labels and their release."""
    for document in filter(lambda each: not is_extra(each), render_case(case)):
        labels = document["metadata"]["labels"]
        assert {f"app.kubernetes.io/{name}" for name in STANDARD_LABELS} | {"helm.sh/chart"} <= labels.keys()
        assert labels["app.kubernetes.io/instance"] == RELEASE, label(document)


@every_case
def test_pods_fit_the_restricted_profile(case: str) -> None:
    """A namespace that enforces the restricted Pod Security profile admits all pods."""
    for owner, _, spec in pods(render_case(case)):
        assert not HOST_FIELDS & spec.keys(), label(owner)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert all(volume.keys() - {"name"} <= RESTRICTED_VOLUMES for volume in spec["volumes"])
        for container in spec.get("initContainers", []) + spec["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, container["name"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert not {"privileged", "procMount"} & security.keys()
            assert not any("hostPort" in port for port in container.get("ports", []))


@every_case
def test_root_file_systems_are_read_only(case: str) -> None:
    """Only the values for `skaffold dev` let the containers of ours write to their root file system."""
    own = case != "kind-dev"
    for each in pods(render_case(case)):
        read_only = own or each.component in {"postgresql", "redis"}
        assert {read_only} == {entry["securityContext"]["readOnlyRootFilesystem"] for entry in each.containers}


@every_case
def test_containers_request_resources(case: str) -> None:
    """The scheduler knows the CPU and memory of all containers."""
    for each in pods(render_case(case)):
        for container in each.containers:
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), container["name"]


@every_case
def test_pods_do_not_get_service_links(case: str) -> None:
    """Variables like ATROPOS_API_PORT=tcp://… would be read as settings."""
    assert {False} == {each.spec["enableServiceLinks"] for each in pods(render_case(case))}


@every_case
def test_only_who_asks_kubernetes_has_a_token(case: str) -> None:
    """A token is mounted into the API with its cluster view and workers with their deletion cost, and nowhere else."""
    view = case_values(case).get("api", {}).get("clusterView", True)
    for each in pods(render_case(case)):
        variables = [environment for entry in each.containers for environment in entry.get("env", [])]
        costs = {"name": "ATROPOS_POD_DELETION_COST", "value": "true"} in variables
        expected = (each.component == "api" and view) or costs
        assert expected == each.spec["automountServiceAccountToken"], label(each.owner)


@every_case
def test_disruption_budgets_never_block_for_ever(case: str) -> None:
    """They limit what is away: a minimum that is there would block the drain of a node."""
    for budget in of_kind(render_case(case), "PodDisruptionBudget").values():
        assert "minAvailable" not in budget["spec"]
        assert "maxUnavailable" in budget["spec"]


@every_case
def test_replicas_are_left_to_the_scaler(case: str) -> None:
    """A Deployment under KEDA or an HPA does not say how many pods it has; any other does."""
    documents = render_case(case)
    scalers = [*of_kind(documents, "ScaledObject").values(), *of_kind(documents, "HorizontalPodAutoscaler").values()]
    scaled = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers}
    for deployment in of_kind(documents, "Deployment").values():
        assert (deployment["metadata"]["name"] in scaled) == ("replicas" not in deployment["spec"])


@pytest.mark.parametrize("case", ["plain-passwords", "own-passwords"])
@pytest.mark.parametrize("password", ["hush-database", "hush-redis"])
def test_passwords_are_in_secrets_alone(case: str, password: str) -> None:
    """A password is in exactly one document, a Secret, in whatever writing."""
    writings = (password, b64encode(password.encode()).decode())
    holders = [document for document in render_case(case) if any(each in json.dumps(document) for each in writings)]
    assert [document["kind"] for document in holders] == ["Secret"]


@every_case
def test_what_pods_refer_to_is_rendered(case: str) -> None:
    """Each ConfigMap and account of the release that a pod names exists."""
    documents = render_case(case)
    names = {label(document) for document in documents}
    for each in pods(documents):
        sources = [source for entry in each.containers for source in entry.get("envFrom", [])]
        named = {f"ConfigMap/{source['configMapRef']['name']}" for source in sources if "configMapRef" in source}
        account = each.spec.get("serviceAccountName", "")
        named |= {f"ServiceAccount/{account}"} if account.startswith(RELEASE) else set()
        assert named <= names, label(each.owner)


@every_case
def test_mounts_have_their_volumes(case: str) -> None:
    """Each mount names a volume of its pod, or one that its StatefulSet claims."""
    for each in pods(render_case(case)):
        claims = each.owner["spec"].get("volumeClaimTemplates", [])
        volumes = [volume["name"] for volume in each.spec["volumes"]] + [claim["metadata"]["name"] for claim in claims]
        assert sorted(set(volumes)) == sorted(volumes), label(each.owner)
        mounts = {mount["name"] for entry in each.containers for mount in entry.get("volumeMounts", [])}
        assert mounts <= set(volumes), label(each.owner)
