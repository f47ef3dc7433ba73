"""`logs`: pages, following, outages, and how a line looks."""

import json
from typing import Any

import httpx
import pytest

from atropos_client import following
from tests.unit.scripted_api import ID, TASK, ScriptedApi, ok, problem, run

LOGS, STATUS = f"GET /tasks/{ID}/logs", f"GET /tasks/{ID}/status"
ENDED = TASK | {"status": "failed"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    """An API whose pages have two lines, and commands that do not pause."""
    api = ScriptedApi()
    api.install(monkeypatch)
    monkeypatch.setattr(following, "LOG_PAGE", 2)
    monkeypatch.setattr(following, "PAUSE_SECONDS", 0.001)
    return api


def line(number: int, message: str = "m", **fields: Any) -> dict[str, Any]:
    at = "2026-11-24T09:00:00.012345Z"
    return {"attempt": 1, "line": number, "at": at, "message": message, "fields": fields}


def page(*lines: dict[str, Any], cursor: str | None = None) -> httpx.Response:
    return ok({"lines": list(lines), "next_cursor": cursor})


def cursors(api: ScriptedApi) -> list[str | None]:
    """Where each page that was asked for begins."""
    return [request.url.params.get("after") for request in api.requests if request.url.path.endswith("/logs")]


def test_all_pages_are_printed(api: ScriptedApi) -> None:
    """A full page is followed by another question; the attempt is asked for each time."""
    api.on(LOGS, page(line(1), line(2), cursor="1:2"), page(line(3), cursor="1:3"))
    result = run("logs", ID, "--attempt", "1", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"lines": [line(1), line(2), line(3)]})
    assert cursors(api) == [None, "1:2"]
    assert {request.url.params["attempt"] for request in api.requests} == {"1"}


def test_a_line_has_its_time_attempt_and_fields(api: ScriptedApi) -> None:
    """Markup in it means nothing, and nothing in it steers the terminal."""
    api.on(LOGS, page(line(1, "read [b]\x1b", rows=5, name="a b", more=[True])))
    stdout = run("logs", ID).stdout
    assert stdout.partition(" ")[2].partition(" ")[2] == "#1 read [b]\ufffd  rows=5 name=a b more=[true]\n"
    assert ".012 #1" in stdout


def test_following_ends_with_the_task(api: ScriptedApi) -> None:
    """The lines stored with its end are read after it was seen to have ended; exit code 0, although it failed."""
    api.on(STATUS, ok(TASK), ok(TASK), ok(ENDED))
    api.on(LOGS, page(line(1), cursor="1:1"), page(line(2), cursor="1:2"))
    result = run("logs", ID, "--follow")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 2)
    views = [request.url.path.rpartition("/")[2] for request in api.requests]
    assert views == ["status", *["status", "logs"] * 2]
    assert cursors(api) == [None, "1:1"]


def test_following_outlasts_an_outage(api: ScriptedApi) -> None:
    """It says so once, and goes on where it was."""
    api.on(STATUS, ok(TASK), httpx.ConnectError("refused"), problem(503, "away"), ok(ENDED))
    api.on(LOGS, page(line(1), cursor="1:1"), page(cursor="1:1"))
    result = run("logs", ID, "--follow")
    assert (result.exit_code, result.stdout.count("\n"), result.stderr.count("trying again")) == (0, 1, 1)


def test_without_following_an_outage_ends_it(api: ScriptedApi) -> None:
    """At once, with exit code 4."""
    api.on(LOGS, httpx.ConnectError("refused"))
    assert run("logs", ID).exit_code == 4


def test_control_c_ends_following(api: ScriptedApi) -> None:
    """With the shell's exit code for it."""

    def interrupt() -> httpx.Response:
        raise KeyboardInterrupt

    api.on(STATUS, ok(TASK))
    api.on(LOGS, interrupt)
    assert run("logs", ID, "--follow").exit_code == 130
