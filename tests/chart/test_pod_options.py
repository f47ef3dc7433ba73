"""Every option of the pods of a component reaches them."""

import json
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, pods, render

MARK = "marked"
#: A value of each option with the mark in it.
OPTIONS: dict[str, Any] = {
    "podAnnotations": {"example.org/note": MARK},
    "podLabels": {"note": MARK},
    "nodeSelector": {"disk": MARK},
    "tolerations": [{"key": MARK, "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"note": MARK}},
    "topologySpreadConstraints": [{"topologyKey": MARK}],
    "priorityClassName": MARK,
    "extraEnv": [{"name": MARK, "value": "1"}],
    "extraEnvFrom": [{"secretRef": {"name": MARK}}],
    "extraVolumes": [{"name": MARK, "emptyDir": {}}],
    "extraVolumeMounts": [{"name": MARK, "mountPath": "/mnt"}],
    "initContainers": [{"name": MARK}],
    "sidecars": [{"name": MARK}],
    "resources": {"limits": {"example.org/marked": 1}},
}
COMPONENTS = {
    "api": "api",
    "workerDefaults": "worker",
    "dispatcher": "dispatcher",
    "migrate": "migrate",
    "frontend": "frontend",
    "backup": "backup",
}
#: Containers of some components run in the pods of others: the wait for the schema, and the dump before a migration.
ALSO_IN = {"migrate": {"api", "worker", "dispatcher", "test"}, "backup": {"migrate"}}
OF_A_CONTAINER = {"extraEnv", "extraEnvFrom", "extraVolumes", "extraVolumeMounts", "resources"}
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


def _options() -> list[tuple[str, str]]:
    return [(component, option) for component in COMPONENTS for option in OPTIONS if option in DEFAULTS[component]]


@pytest.mark.parametrize(("component", "option"), _options())
def test_an_option_reaches_the_pods(component: str, option: str) -> None:
    """What is set for a component is in its pods, and in no others but those that run a container of it."""
    switch = {"enabled": True} if "enabled" in DEFAULTS[component] else {}
    rendered = list(pods(render({component: {option: OPTIONS[option], **switch}})))
    marked = {each.component for each in rendered if MARK in json.dumps([each.metadata, each.spec])}
    assert COMPONENTS[component] in marked
    borrowers = ALSO_IN.get(component, set()) if option in OF_A_CONTAINER else set()
    assert marked <= {COMPONENTS[component]} | borrowers


@pytest.mark.parametrize("subchart", ["postgresql", "redis"])
@pytest.mark.parametrize("option", ["podAnnotations", "nodeSelector", "tolerations", "affinity", "resources"])
def test_an_option_reaches_the_pods_of_a_subchart(subchart: str, option: str) -> None:
    """The same for PostgreSQL and Redis of the release."""
    rendered = pods(render({subchart: {option: OPTIONS[option]}}))
    assert {subchart} == {each.component for each in rendered if MARK in json.dumps([each.metadata, each.spec])}


@pytest.mark.parametrize("subchart", ["postgresql", "redis"])
def test_the_global_registry_holds_in_a_subchart(subchart: str) -> None:
    """`global` reaches subcharts, whose schemas take it."""
    rendered = pods(render({"global": {"imageRegistry": "registry.example.org"}}))
    image = next(each for each in rendered if each.component == subchart).spec["containers"][0]["image"]
    assert image.startswith("registry.example.org/")


def test_variables_of_the_migration_win() -> None:
    """So that it can reach PostgreSQL itself where the others go through a pooler."""
    direct = {"name": "ATROPOS_DATABASE_URL", "value": "postgresql://atropos@db.example.com/atropos"}
    rendered = pods(render({"settings": {"database_pooler": True}, "migrate": {"extraEnv": [direct]}}))
    migration = next(each for each in rendered if each.component == "migrate").spec["containers"][0]
    assert [entry for entry in migration["env"] if entry["name"] == direct["name"]][-1] == direct
