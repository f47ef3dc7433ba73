"""`watch`: what is shown and printed, time limits and Ctrl-C. How a task is followed: test_client_following.py."""

import json
from typing import Any

import httpx
import pytest

from tests.unit.scripted_api import ID, TASK, ScriptedApi, event, ok, run, stream

ENDED = TASK | {"status": "completed", "result": {"rows": 1}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    api = ScriptedApi()
    api.install(monkeypatch)
    return api


def test_a_wait_that_takes_too_long_exits_with_5(api: ScriptedApi) -> None:
    """A silent stream is given no more time than is left; with --json the task is printed as it stands."""
    api.on(f"GET /tasks/{ID}/status", ok(TASK))
    api.on(f"GET /tasks/{ID}", ok(TASK))
    api.on(f"GET /tasks/{ID}/events", httpx.ReadTimeout("silent"))
    result = run("watch", ID, "--wait-timeout", "0.05", "--json")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (5, "processing")
    opened = next(request for request in api.requests if request.url.path.endswith("/events"))
    assert opened.extensions["timeout"]["read"] < 0.05


def test_control_c_leaves_the_task_running(api: ScriptedApi) -> None:
    """The exit code is the shell's for Ctrl-C, and the user learns that the task goes on."""

    def interrupt() -> httpx.Response:
        raise KeyboardInterrupt

    api.on(f"GET /tasks/{ID}/status", ok(TASK))
    api.on(f"GET /tasks/{ID}/events", interrupt)
    result = run("watch", ID)
    assert (result.exit_code, {request.method for request in api.requests}) == (130, {"GET"})
    assert result.stderr.endswith(f"Task {ID} goes on. Look again: atropos watch {ID}\n")


def test_watch_shows_progress_and_prints_the_result(api: ScriptedApi) -> None:
    """Progress goes to standard error in steps of a tenth, the result to standard output."""
    worker = {"worker": "w\u2028[b]"}
    steps = [event(n, "progressed", progress=n / 100, message=f"step {n}") for n in (9, 20, 21, 90)]
    young = ok(TASK | {"progress": 0})
    api.on(f"GET /tasks/{ID}/status", young, young, ok(ENDED))
    api.on(f"GET /tasks/{ID}/events", stream(event(1, "started", **worker), *steps))
    api.on(f"GET /tasks/{ID}", ok(ENDED))
    result = run("watch", ID)
    assert (result.exit_code, result.stdout) == (0, '{\n  "rows": 1\n}\n')
    assert result.stderr == "attempt 1 started on w\u2028[b]\n20% step 20\n90% step 90\n"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"reason": "drain"}, "its worker goes away and gave it back; it will run again\n"),
        ({"reason": "held_up"}, "its worker was busy and gave it back; it will run again\n"),
        (
            {"reason": "no_task_type", "message": "This worker has no DuckDB.", "queue": "data"},
            "given back: This worker has no DuckDB; it will run again in the queue data\n",
        ),
    ],
)
def test_watch_says_why_a_worker_gave_it_back(api: ScriptedApi, data: dict[str, str], line: str) -> None:
    """A worker that goes away is one of several reasons."""
    young = ok(TASK | {"progress": 0})
    api.on(f"GET /tasks/{ID}/status", young, young, ok(ENDED))
    api.on(f"GET /tasks/{ID}/events", stream(event(1, "interrupted", **data)))
    api.on(f"GET /tasks/{ID}", ok(ENDED))
    assert run("watch", ID).stderr == line


def test_watch_does_not_wait_for_an_api_that_was_never_there(api: ScriptedApi) -> None:
    """A wrong address is found out at once; an outage later is waited out."""
    api.on(f"GET /tasks/{ID}/status", httpx.ConnectError("refused"))
    result = run("watch", ID)
    assert (result.exit_code, len(api.requests)) == (4, 1)


def test_a_restart_of_the_api_is_shown_and_waited_out(api: ScriptedApi, monkeypatch: Any) -> None:
    """It is said once."""
    monkeypatch.setattr("atropos_client.patience.FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("atropos_client.following.PAUSE_SECONDS", 0.001)
    away = httpx.ConnectError("refused")
    api.on(f"GET /tasks/{ID}/status", ok(TASK), ok(TASK), away, away, ok(ENDED))
    api.on(f"GET /tasks/{ID}/events", stream())
    api.on(f"GET /tasks/{ID}", ok(ENDED))
    result = run("watch", ID)
    assert (result.exit_code, result.stderr.count("does not answer: refused; trying again")) == (0, 1)
