"""Renders the chart with Helm inside this process, and takes apart what came out. All tests of the chart call it."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import helm_python
import yaml
from helm_python import _native

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/atropos"
SUBCHARTS = [CHART / "charts/postgresql", CHART / "charts/redis"]
RELEASE = "demo"
NAMESPACE = "tasks"
OLDEST, NEWEST = "1.31", "1.37"
#: Value files by the name of the case that they make, in the order in which they overlay each other.
CASES: dict[str, list[Path]] = {
    "defaults": [],
    "kind": [ROOT / "k8s/values-kind.yaml"],
    "kind-dev": [ROOT / "k8s/values-kind.yaml", ROOT / "k8s/values-dev.yaml"],
    **{path.stem: [path] for path in sorted(Path(__file__).parent.glob("values/*.yaml"))},
}

Document = dict[str, Any]


class Pods(NamedTuple):
    """What a document says about the pods that come of it."""

    owner: Document
    metadata: dict[str, Any]
    spec: dict[str, Any]

    @property
    def component(self) -> str:
        return self.metadata["labels"]["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[dict[str, Any]]:
        """Init containers too."""
        return self.spec.get("initContainers", []) + self.spec["containers"]


def overlay(values: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """`values` with `other` over them, as Helm does with several files."""
    merged = dict(values)
    for key, value in other.items():
        mappings = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = overlay(merged[key], value) if mappings else value
    return merged


def case_values(case: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path in CASES[case]:
        values = overlay(values, yaml.safe_load(path.read_text()))
    return values


def render(
    values: dict[str, Any] | None = None,
    *,
    chart: Path = CHART,
    revision: int = 1,
    kubernetes: str = NEWEST,
    apis: Iterable[str] = (),
) -> list[Document]:
    """The documents of a release, tests included; raises `helm_python.HelmError` where Helm refuses."""
    options = {
        "name": RELEASE,
        "namespace": NAMESPACE,
        "revision": revision,
        "kube_version": f"v{kubernetes}.0",
        "api_versions": list(apis),
    }
    with helm_python.Chart.load(chart) as loaded:
        # Chart.render does not pass on the version of Kubernetes.
        text = _native.call_string("helm_render", loaded._raw(), json.dumps(values or {}), json.dumps(options))
    sources = {name: source for name, source in json.loads(text).items() if not name.endswith("NOTES.txt")}
    return [document for source in sources.values() for document in yaml.safe_load_all(source) if document]


@cache
def render_case(case: str, kubernetes: str = NEWEST) -> list[Document]:
    return render(case_values(case), kubernetes=kubernetes)


def of_kind(documents: Iterable[Document], kind: str) -> dict[str, Document]:
    """Documents of a kind by their name without the release's."""
    prefixes = (f"{RELEASE}-atropos-", f"{RELEASE}-")
    found = {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}
    return {name.removeprefix(prefixes[0]).removeprefix(prefixes[1]): document for name, document in found.items()}


def label(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def is_extra(document: Document) -> bool:
    """Whether it comes from `extraObjects`, which the chart passes through."""
    return document["metadata"]["name"].startswith("extra-")


def pods(documents: Iterable[Document]) -> Iterator[Pods]:
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] == "Pod":
            yield Pods(document, document["metadata"], spec)
            continue
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield Pods(document, template["metadata"], template["spec"])


def environment(container: dict[str, Any]) -> dict[str, Any]:
    """Plain values by name; None for one that comes from elsewhere."""
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}
