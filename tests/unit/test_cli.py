"""The commands of `atropos` against a scripted API: what they send, print, and exit with."""

import json
from typing import Any

import httpx
import pytest

from atropos_cli import commands_up
from tests.unit.scripted_api import ID, NOW, OTHER_ID, TASK, Answer, ScriptedApi, ok, problem, run

FAILURE = {"reason": "error", "type": "ValueError", "message": "no [b]", "traceback": "Traceback: x", "attempt": 4}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    api = ScriptedApi()
    api.install(monkeypatch)
    return api


def test_submit_sends_what_the_options_say(api: ScriptedApi) -> None:
    """Options become the fields of the API; parameters given one by one go over those given as JSON."""
    api.on("POST /tasks", ok(TASK, 202))
    pairs = ["-p", "rows=5", "-p", "name=Jo", "-p", 'n="5"', "-p", "x="]
    parameters = ["--parameters", '{"rows": 1, "title": "a"}', *pairs]
    options = ["--priority", "9", "--delay", "2.5", "--max-retries", "0", "--timeout", "60", "--label", "a=b=c"]
    run("submit", "default", *parameters, *options, "--idempotency-key", "once")
    assert api.body() == {
        "task_type": "default",
        "parameters": {"rows": 5, "title": "a", "name": "Jo", "n": "5", "x": ""},
        "priority": 9,
        "delay_seconds": 2.5,
        "max_retries": 0,
        "timeout_seconds": 60.0,
        "labels": {"a": "b=c"},
    }
    assert api.requests[0].headers["Idempotency-Key"] == "once"


def test_submit_names_the_tasks_to_wait_for(api: ScriptedApi) -> None:
    """In their order, and what follows when one of them fails."""
    api.on("POST /tasks", ok(TASK, 202))
    other = ID.replace("01a20ce1", "01a20ce2")
    run("submit", "default", "--after", ID, "--after", other, "--on-dependency-failure", "run")
    assert (api.body()["depends_on"], api.body()["on_dependency_failure"]) == ([ID, other], "run")


def test_status_names_the_tasks_that_one_waits_for(api: ScriptedApi) -> None:
    """A line each, with their states."""
    needed = [{"task_id": ID, "task_type": "copy", "status": status} for status in ("pending", "failed")]
    api.on(f"GET /tasks/{ID}/status", ok({**TASK, "status": "pending", "waiting_for": needed}))
    lines = [line.split() for line in run("status", ID).stdout.splitlines()]
    assert ["waits", "for", ID, "copy", "pending"] in lines
    assert [ID, "copy", "failed"] in lines


def test_submit_prints_the_id_alone(api: ScriptedApi) -> None:
    """`ID=$(atropos submit …)` works."""
    api.on("POST /tasks", ok(TASK, 202))
    assert run("submit", "default").stdout == f"{ID}\n"


@pytest.mark.parametrize("source", ["-", "@{path}"])
def test_parameters_come_from_standard_input_or_a_file(api: ScriptedApi, tmp_path: Any, source: str) -> None:
    """`-` reads standard input, `@path` a file."""
    api.on("POST /tasks", ok(TASK, 202))
    path = tmp_path / "parameters.json"
    path.write_text('{"rows": 7}')
    run("submit", "default", "--parameters", source.format(path=path), stdin='{"rows": 7}')
    assert api.body()["parameters"] == {"rows": 7}


def test_a_time_without_an_offset_gets_one(api: ScriptedApi) -> None:
    """The API takes only times with an offset; people mean their own clock."""
    api.on("POST /tasks", ok(TASK, 202))
    run("submit", "default", "--run-at", "2026-12-24T18:00")
    sent = api.body()["run_at"]
    assert sent.startswith("2026-12-24T18:00:00")
    assert len(sent) == len("2026-12-24T18:00:00+01:00")


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit"],
        ["submit", "default", "--parameters", "{"],
        ["submit", "default", "--parameters", "[1]"],
        ["submit", "default", "--parameters", '{"a": NaN}'],
        ["submit", "default", "--parameters", "@/nowhere/at/all"],
        ["submit", "default", "--parameter", "rows"],
        ["submit", "default", "--label", "=x"],
        ["submit", "default", "--run-at", "tomorrow"],
        ["submit", "default", "--run-at", NOW, "--delay", "1"],
        ["submit", "default", "--wait-timeout", "1"],
        ["submit", "default", "--after", "the last one"],
        ["submit", "default", "--on-dependency-failure", "run"],
        ["submit", "default", "--after", ID, "--on-dependency-failure", "ignore"],
        ["submit", "default", "--api", "localhost:8000"],
        ["submit", "default", "--api", "http://localhost:x"],
        ["status", "abc"],
        ["list", "--status", "done"],
        ["cancel"],
        ["cancel", ID, "--status", "pending"],
        ["up", "--workers", "0"],
    ],
)
def test_a_wrong_command_line_exits_with_2(api: ScriptedApi, arguments: list[str]) -> None:
    """What is wrong is said on standard error, and nothing is sent."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout, api.requests) == (2, "", [])
    assert "Error" in result.stderr


def test_a_problem_exits_with_3(api: ScriptedApi) -> None:
    """Title and errors of the problem are on standard error, standard output stays empty."""
    errors = [{"location": ["body", "rows"], "message": m, "type": "x"} for m in ("too small", "not [b]odd[/b]")]
    api.on("POST /tasks", problem(422, "The request is not valid", errors=errors))
    result = run("submit", "default", "--json")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "error: The request is not valid\n  body.rows: too small\n  body.rows: not [b]odd[/b]\n"


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), httpx.Response(404, text="<html>"), ok([1])])
def test_no_api_at_the_address_exits_with_4(api: ScriptedApi, answer: Answer) -> None:
    """Nothing answers, or something else than Atropos does."""
    api.on("GET /tasks", answer)
    result = run("list", "--json")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "http://127.0.0.1:8000" in result.stderr


ENDINGS: list[tuple[dict[str, Any], int, str]] = [
    ({"status": "completed", "result": {"rows": 1}}, 0, '{\n  "rows": 1\n}\n'),
    ({"status": "failed", "error": FAILURE}, 1, ""),
    ({"status": "cancelled"}, 1, ""),
]


@pytest.mark.parametrize(("ending", "code", "printed"), ENDINGS)
def test_result_tells_by_its_exit_code_how_a_task_ended(api: ScriptedApi, ending: Any, code: int, printed: str) -> None:
    """Standard output holds the result of a completed task, and nothing of another."""
    api.on(f"GET /tasks/{ID}/result", ok(TASK | ending))
    result = run("result", ID)
    assert (result.exit_code, result.stdout) == (code, printed)


def test_the_error_of_a_failed_task_is_shown(api: ScriptedApi) -> None:
    """Traceback, then the error in a line; what looks like markup is left as it is."""
    api.on(f"GET /tasks/{ID}/result", ok(TASK | {"status": "failed", "error": FAILURE}))
    assert run("result", ID).stderr == "Traceback: x\nerror: ValueError: no [b] (error, attempt 4)\n"


def test_tasks_cannot_steer_the_terminal(api: ScriptedApi) -> None:
    """Escape sequences in a task's message are made visible."""
    api.on(f"GET /tasks/{ID}/status", ok(TASK | {"progress_message": "\x1b]0;title\x07[red]x[/red]"}))
    printed = run("status", ID).stdout
    assert "\x1b" not in printed
    assert "50% \ufffd]0;title\ufffd[red]x[/red]" in printed


def test_list_asks_for_what_the_options_say(api: ScriptedApi) -> None:
    """Filters repeat; where the next page begins is said on standard error."""
    api.on("GET /tasks", ok({"tasks": [TASK], "next_cursor": OTHER_ID}))
    filters = ["--status", "failed", "--status", "cancelled", "--type", "default", "--label", "a=b", "--limit", "1"]
    result = run("list", *filters, "--cursor", ID)
    expected = [("limit", "1"), ("status", "failed"), ("status", "cancelled"), ("task_type", "default")]
    assert api.requests[0].url.params.multi_items() == [*expected, ("label", "a=b"), ("cursor", ID)]
    assert result.stderr == f"There are more: add --cursor {OTHER_ID}\n"


DOCUMENTS: dict[str, Any] = {
    f"status {ID}": TASK,
    f"result {ID}": TASK | {"status": "completed"},
    "list": {"tasks": [TASK], "next_cursor": None},
    "types": {"task_types": []},
    "workers": {"workers": []},
}


@pytest.mark.parametrize("command", DOCUMENTS)
def test_json_is_the_answer_of_the_api(api: ScriptedApi, command: str) -> None:
    """--json prints one document, as the API sent it, and nothing else."""
    name, *_ = command.split()
    view = f"/tasks/{ID}/{name}" if ID in command else {"list": "/tasks", "types": "/task-types"}.get(name, f"/{name}")
    api.on(f"GET {view}", ok(DOCUMENTS[command]))
    result = run(*command.split(), "--json")
    assert (json.loads(result.stdout), result.stderr) == (DOCUMENTS[command], "")


def test_up_says_how_to_install_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra `up` nothing is started."""
    monkeypatch.setattr(commands_up, "find_spec", lambda _name: None)
    result = run("up")
    assert result.exit_code == 2
    assert "pip install 'atropos-cli[up]'" in result.stderr
