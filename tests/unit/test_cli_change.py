"""`cancel` and `retry`: by id, and by filter after a question."""

import json

import pytest

from tests.unit.scripted_api import ID, OTHER_ID, TASK, ScriptedApi, ok, problem, run


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    api = ScriptedApi()
    api.install(monkeypatch)
    return api


def test_cancel_goes_on_after_a_refusal(api: ScriptedApi) -> None:
    """Each id is tried; one that is refused makes the exit code 3."""
    api.on(f"POST /tasks/{ID}/cancel", problem(409, "The task has already ended"))
    api.on(f"POST /tasks/{OTHER_ID}/cancel", ok(TASK | {"task_id": OTHER_ID}))
    result = run("cancel", ID, OTHER_ID)
    assert (result.exit_code, result.stdout) == (3, f"{OTHER_ID} asked to stop\n")
    assert result.stderr == "error: The task has already ended: why\n"


@pytest.mark.parametrize(
    ("answer", "code", "dry_runs"), [("y\n", 0, [True, False]), ("n\n", 1, [True]), (None, 1, [True])]
)
def test_a_filter_asks_first(api: ScriptedApi, answer: str | None, code: int, dry_runs: list[bool]) -> None:
    """Only a yes changes anything; without somebody to answer nothing is changed."""
    api.on("POST /tasks/retry", ok({"matched": 2, "changed": 2, "more": False}))
    result = run("retry", "--status", "failed", "--label", "a=b", stdin=answer)
    assert result.exit_code == code
    assert [json.loads(request.content)["dry_run"] for request in api.requests] == dry_runs
    assert api.body()["filter"] == {"status": ["failed"], "labels": {"a": "b"}}
    assert "Retry 2 tasks? [y/n] (n):" in result.stderr


def test_yes_does_not_ask(api: ScriptedApi) -> None:
    """--yes changes what matches in one call."""
    api.on("POST /tasks/cancel", ok({"matched": 2, "changed": 1, "more": False}))
    assert run("cancel", "--type", "default", "--yes").stdout == "cancel: 1 of 2 tasks changed\n"
    assert [json.loads(request.content)["dry_run"] for request in api.requests] == [False]


@pytest.mark.parametrize("chosen", [["--type", "default"], [ID]])
def test_a_dry_run_changes_nothing(api: ScriptedApi, chosen: list[str]) -> None:
    """It only counts, for filters and ids alike."""
    api.on("POST /tasks/cancel", ok({"matched": 10_000, "changed": 0, "more": True}))
    assert run("cancel", *chosen, "--dry-run").stdout == "would cancel 10,000 tasks (the oldest of more)\n"
    assert [json.loads(request.content)["dry_run"] for request in api.requests] == [True]
