"""`doctor`: what it makes of the answers of the API."""

import json
from typing import Any

import httpx
import pytest
from typer.testing import Result

from tests.unit.scripted_api import ScriptedApi, ok, run

HEALTH: dict[str, Any] = {
    "status": "ok",
    "database": {"status": "ok", "detail": None, "seconds": 0.001},
    "broker": {"status": "ok", "detail": None, "seconds": 0.001},
    "workers": {"active": 1, "slots": 2, "busy": 0},
    "dispatchers": 1,
    "queue_depth": 0,
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    api = ScriptedApi()
    api.install(monkeypatch)
    return api


def verdicts(result: Result) -> dict[str, str]:
    return {check["name"]: check["status"] for check in json.loads(result.stdout)["checks"]}


GREEN = dict.fromkeys(["api", "database", "schema", "broker", "dispatcher", "workers"], "ok")
SICK: list[tuple[dict[str, Any], int, dict[str, str]]] = [
    ({}, 0, {}),
    ({"dispatchers": 0}, 1, {"dispatcher": "problem"}),
    ({"workers": {"active": 0, "slots": 0, "busy": 0}}, 0, {"workers": "warning"}),
    ({"workers": {"active": 0, "slots": 0, "busy": 0}, "queue_depth": 1}, 1, {"workers": "problem"}),
    ({"broker": {"status": "unavailable", "detail": "does not answer", "seconds": 1}}, 1, {"broker": "problem"}),
]


@pytest.mark.parametrize(("change", "code", "different"), SICK)
def test_doctor_judges_what_the_api_says(api: ScriptedApi, change: Any, code: int, different: dict[str, str]) -> None:
    """Every part of /health gets a verdict of its own; only problems change the exit code."""
    api.on("GET /health", ok(HEALTH | change))
    api.on("GET /workers", ok({"workers": [], "pods": None}))
    result = run("doctor", "--json")
    assert (result.exit_code, verdicts(result)) == (code, GREEN | different)


def test_doctor_names_pods_that_do_not_come_up(api: ScriptedApi) -> None:
    """A warning, as others may do their work."""
    pod = {"name": "worker-1", "pool": "data", "waiting_reason": "ErrImagePull: not found"}
    well = {"name": "worker-2", "pool": "data", "waiting_reason": None}
    api.on("GET /health", ok(HEALTH))
    api.on("GET /workers", ok({"workers": [], "pods": [pod, well]}))
    result = run("doctor", "--json")
    assert (result.exit_code, verdicts(result)) == (0, GREEN | {"pods": "warning"})
    assert json.loads(result.stdout)["checks"][-1]["found"] == (
        "pod worker-1 of the pool data waits: ErrImagePull: not found"
    )


@pytest.mark.parametrize(
    ("detail", "database", "schema"),
    [("does not answer", "problem", "unknown"), ("the schema is at 0, this code needs 1", "ok", "problem")],
)
def test_doctor_knows_an_old_schema(api: ScriptedApi, detail: str, database: str, schema: str) -> None:
    """The API calls both an unavailable database; what to do differs."""
    away = {"status": "unavailable", "database": {"status": "unavailable", "detail": detail, "seconds": 1}}
    api.on("GET /health", ok(HEALTH | away, 503))
    api.on("GET /workers", ok({"title": "The database is away", "status": 503, "detail": "no"}, 503))
    result = run("doctor", "--json")
    unknown = {"dispatcher": "unknown", "workers": "unknown"}
    parts = {"api": "problem", "database": database, "schema": schema} | unknown
    assert (result.exit_code, verdicts(result)) == (1, GREEN | parts)


def test_doctor_without_api_and_addresses_says_what_it_needs(api: ScriptedApi) -> None:
    """It cannot look at servers that it does not know; the exit code is that of an API that is away."""
    api.on("GET /health", httpx.ConnectError("refused"))
    result = run("doctor", "--json")
    assert (result.exit_code, verdicts(result)["api"], verdicts(result)["database"]) == (4, "problem", "unknown")
    assert "ATROPOS_DATABASE_URL" in result.stderr
