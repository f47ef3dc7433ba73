"""What the client sends, what it makes of answers, and when it sends a request again: blocking and asyncio."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from atropos_client import ApiUnreachable, AsyncClient, Client, ProblemError, Submission
from tests.unit.scripted_api import ID, OTHER_ID, TASK, Answer, ScriptedApi, ok, problem

Call = Callable[[Any], Any]
SUBMITTED = "POST /tasks"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    """An API whose clients hardly pause."""
    monkeypatch.setattr("atropos_client.patience.FIRST_PAUSE_SECONDS", 0.001)
    return ScriptedApi()


def blocking(api: ScriptedApi, call: Call, *, patience: float = 30) -> Any:
    with Client("http://test", patience=patience, transport=httpx.MockTransport(api.handle)) as client:
        return call(client)


def asynchronous(api: ScriptedApi, call: Call, *, patience: float = 30) -> Any:
    async def run() -> Any:
        transport = httpx.MockTransport(api.handle)
        async with AsyncClient("http://test", patience=patience, transport=transport) as client:
            return await call(client)

    return asyncio.run(run())


both = pytest.mark.parametrize("using", [blocking, asynchronous])


@both
def test_a_task_is_submitted_with_its_options(api: ScriptedApi, using: Any) -> None:
    """Options become fields; each submission has a key of its own."""
    api.on(SUBMITTED, ok(TASK, 202))
    for _ in range(2):
        assert using(api, lambda client: client.submit("default", {"a": 1}, priority=9, labels={"b": "c"})) == TASK
    assert api.body() == {"task_type": "default", "parameters": {"a": 1}, "priority": 9, "labels": {"b": "c"}}
    keys = {request.headers["Idempotency-Key"] for request in api.requests}
    assert [len(key) for key in keys] == [36, 36]


AWAY: list[Answer] = [
    httpx.ConnectError("refused"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("cut"),
    lambda: problem(503, "Overloaded"),
    lambda: httpx.Response(502, text="<html>"),
]


@both
def test_ids_of_dependencies_are_sent_as_text(api: ScriptedApi, using: Any) -> None:
    """As the API takes them, of one task and of a batch."""
    api.on(SUBMITTED, ok(TASK, 202))
    using(api, lambda client: client.submit("default", depends_on=[UUID(ID), ID], on_dependency_failure="fail"))
    assert (api.body()["depends_on"], api.body()["on_dependency_failure"]) == ([ID, ID], "fail")
    api.on("POST /tasks/batch", ok({"tasks": [TASK]}, 202))
    submissions: list[Submission] = [{"task_type": "default", "depends_on": [UUID(ID), {"index": 0}]}]
    using(api, lambda client: client.submit_many(submissions))
    assert api.body()["tasks"][0]["depends_on"] == [ID, {"index": 0}]


@both
@pytest.mark.parametrize("failure", AWAY)
def test_a_submission_is_sent_again_with_its_key(api: ScriptedApi, using: Any, failure: Answer) -> None:
    """Whatever became of the first request, the second finds or makes the same task."""
    api.on(SUBMITTED, failure, failure, ok(TASK, 202))
    assert using(api, lambda client: client.submit("default")) == TASK
    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1
    assert len(api.requests) == 3


@both
def test_a_batch_is_sent_again_with_its_key(api: ScriptedApi, using: Any) -> None:
    """As one task is."""
    api.on("POST /tasks/batch", AWAY[1], AWAY[3], ok({"tasks": [TASK]}, 202))
    assert using(api, lambda client: client.submit_many([{"task_type": "default"}])) == [TASK]
    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1
    assert len(api.requests) == 3


@both
@pytest.mark.parametrize("failure", AWAY[1:])
def test_what_might_be_done_twice_is_sent_once(api: ScriptedApi, using: Any, failure: Any) -> None:
    """A cancelled task cannot be cancelled again."""
    calls: dict[str, Call] = {
        f"/tasks/{ID}/cancel": lambda client: client.cancel(ID),
        f"/tasks/{ID}/retry": lambda client: client.retry(ID),
    }
    for path, call in calls.items():
        api.on(f"POST {path}", failure)
        with pytest.raises((ApiUnreachable, ProblemError)):
            using(api, call)
    assert [request.url.path for request in api.requests] == [*calls]


@both
def test_what_was_never_sent_is_sent_again(api: ScriptedApi, using: Any) -> None:
    """Where nobody has taken the connection, nothing can have happened."""
    api.on(f"POST /tasks/{ID}/cancel", httpx.ConnectError("refused"), ok(TASK))
    assert using(api, lambda client: client.cancel(ID)) == TASK


@both
def test_a_refusal_is_not_asked_again(api: ScriptedApi, using: Any) -> None:
    """It would be the same; it has what the problem document says."""
    api.on(SUBMITTED, problem(422, "Not valid", errors=[{"location": ["body"], "message": "m", "type": "t"}]))
    with pytest.raises(ProblemError, match="Not valid: why") as raised:
        using(api, lambda client: client.submit("default"))
    assert (raised.value.status, raised.value.errors[0]["message"], len(api.requests)) == (422, "m", 1)


@both
def test_retry_after_is_kept_to(api: ScriptedApi, using: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API knows better when to come back; one that says later than our patience ends it at once."""
    away = problem(503, "Overloaded")
    away.headers["Retry-After"] = "7"
    api.on(SUBMITTED, away)
    pauses: list[float] = []
    monkeypatch.setattr("atropos_client.patience.time.monotonic", lambda: sum(pauses))
    monkeypatch.setattr("atropos_client.connection.time.sleep", pauses.append)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("atropos_client.connection.AsyncioConnection.sleep", lambda _self, seconds: sleep(seconds))
    with pytest.raises(ProblemError):
        using(api, lambda client: client.submit("default"), patience=20)
    assert pauses == [7, 7]


def test_other_servers_are_told_apart(api: ScriptedApi) -> None:
    """What answers but does not speak the API is named with where it leads to."""
    api.on("GET /tasks", httpx.Response(302, headers={"Location": "https://login"}))
    with pytest.raises(ApiUnreachable, match=r"http://test/tasks\S* answered 302 Found to https://login"):
        list(api.connect().list())


def test_a_list_goes_on_over_its_pages(api: ScriptedApi) -> None:
    """Filters are the same on each, and the cursor that of the page before."""
    pages = [
        ok({"tasks": [TASK], "next_cursor": ID}),
        ok({"tasks": [TASK | {"task_id": OTHER_ID}], "next_cursor": None}),
    ]
    api.on("GET /tasks", *pages)
    found = [task["task_id"] for task in api.connect().list(status=["failed"], labels={"a": "b"})]
    assert found == [ID, OTHER_ID]
    asked = [request.url.params for request in api.requests]
    assert [(query["status"], query["label"], query.get("cursor")) for query in asked] == [
        ("failed", "a=b", None),
        ("failed", "a=b", ID),
    ]


def test_the_address_may_have_a_path(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the page the API is at `/api`; the environment gives the address where the program does not."""
    monkeypatch.setenv("ATROPOS_API_URL", "http://test/api/")
    api.on("GET /api/health", ok({"status": "unavailable", "database": {}}, 503))
    with Client(transport=httpx.MockTransport(api.handle), patience=0) as client:
        assert client.health()["status"] == "unavailable"


def test_ids_cannot_lead_elsewhere(api: ScriptedApi) -> None:
    """What is no id stays one part of the path."""
    api.on("GET /tasks/../workers?x/status", ok(TASK))
    api.connect().get_status("../workers?x")
    assert api.requests[0].url.raw_path == b"/tasks/..%2Fworkers%3Fx/status"
