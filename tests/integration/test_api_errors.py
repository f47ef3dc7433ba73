"""Whatever goes wrong is answered with a problem document, and no answer comes before its commit."""

from typing import Any, get_args

import httpx
import pytest
from fastapi.params import Depends

from atropos_api.deps import SessionDep, get_session
from tests.stack import Stack, wait_until

MISSING = "/tasks/01a20d1d-69bb-7e3a-b413-5f68bc8e1517"
JSON = {"Content-Type": "application/json"}


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem document, after a look at its status and type."""
    problem: dict[str, Any] = answer.json()
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert (f"urn:atropos:problem:{slug}", status) == (problem["type"], problem["status"])
    return problem


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/status"), ("GET", "/result"), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")],
)
def test_a_task_that_is_not_there(stack: Stack, method: str, path: str) -> None:
    """404, whatever is asked of it."""
    assert_problem(stack.http.request(method, MISSING + path), 404, "task-not-found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_at": "2030-01-01T00:00:00Z", "delay_seconds": 5},
        {"run_at": "2030-01-01T00:00:00"},
        {"run_at": 1893456000},
        {"run_at": "9999-01-01T00:00:00Z"},
        {"run_at": "0001-01-01T00:00:00+10:00"},
        {"delay_seconds": -1},
        {"priority": 10},
        {"priority": "5"},
        {"max_retries": -1},
        {"timeout_seconds": 0},
        {"labels": {"a b": "c"}},
        {"labels": {"a": "\x00"}},
        {"unknown": 1},
        {"parameters": {"processing_time": "1"}},
        {"parameters": {"processing_time": -1}},
        {"parameters": []},
        {"task_type": "no_such_type"},
    ],
    ids=str,
)
def test_what_is_refused(stack: Stack, wrong: dict[str, Any]) -> None:
    """422, which names what is wrong."""
    problem = assert_problem(stack.http.post("/tasks", json={"task_type": "default"} | wrong), 422, "invalid-request")
    assert problem["errors"][0]["location"][0] == "body"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "status=done", "cursor=x", "label=a", "created_from=0.5", "created_from=2030-01-01"],
)
def test_queries_that_are_refused(stack: Stack, query: str) -> None:
    """422, which names the parameter."""
    problem = assert_problem(stack.http.get(f"/tasks?{query}"), 422, "invalid-request")
    assert ["query", query.partition("=")[0]] == problem["errors"][0]["location"][:2]


@pytest.mark.parametrize("path", ["/tasks/x", "/tasks/x/status", "/tasks/x/events"])
def test_an_id_that_is_none(stack: Stack, path: str) -> None:
    """422, which names the path."""
    problem = assert_problem(stack.http.get(path), 422, "invalid-request")
    assert problem["errors"][0]["location"] == ["path", "task_id"]


def test_a_route_that_is_not_there(stack: Stack) -> None:
    """404, also as a problem document."""
    assert_problem(stack.http.get("/nowhere"), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/tasks", {"GET", "POST"}),
        ("GET", "/tasks/cancel", {"POST"}),
        ("PUT", "/tasks/retry", {"POST"}),
        ("GET", "/tasks/batch", {"POST"}),
        ("DELETE", MISSING, {"GET"}),
        ("GET", MISSING + "/cancel", {"POST"}),
    ],
)
def test_a_method_that_is_not_there(stack: Stack, method: str, path: str, allowed: set[str]) -> None:
    """405, with all methods that are."""
    answer = stack.http.request(method, path)
    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


BODY = '{"task_type": "default", "parameters": %s}'


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        ("", "invalid-request"),
        ("{", "invalid-request"),
        ("[]", "invalid-request"),
        ("null", "invalid-request"),
        (BODY % '{"a": NaN}', "value-not-storable"),
        (BODY % '{"a": -Infinity}', "value-not-storable"),
        (BODY % '{"a": 1e999}', "value-not-storable"),
        (BODY % '{"processing_time": NaN}', "value-not-storable"),
        ('{"task_type": "default", "timeout_seconds": NaN}', "invalid-request"),
        (BODY % '{"a": "\\u0000"}', "value-not-storable"),
        (BODY % '{"\\u0000": 1}', "value-not-storable"),
        (BODY % '{"a": "\\ud800"}', "value-not-storable"),
        (BODY % f'{{"a": "{"x" * 300_000}"}}', "value-not-storable"),
        ('{"task_type": "default", "labels": {"a": "\\ud800"}}', "invalid-request"),
    ],
    ids=lambda value: value[-60:],
)
def test_a_body_that_is_refused(stack: Stack, content: str, slug: str) -> None:
    """422: not JSON, not an object, or what PostgreSQL cannot hold."""
    assert_problem(stack.http.post("/tasks", content=content, headers=JSON), 422, slug)


@pytest.mark.parametrize(
    "value",
    [
        "1" * 5000,
        "1" * 200_000,
        "[" * 190 + "]" * 190,
        "[" * 230 + "]" * 230,
        "[" * 900 + "]" * 900,
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_a_body_of_extremes(stack: Stack, value: str) -> None:
    """Huge numbers and deep nesting are taken or refused, and never a fault of ours."""
    answer = stack.http.post("/tasks", content=BODY % f'{{"a": {value}}}', headers=JSON)
    assert answer.status_code in (202, 400, 422), answer.text
    if answer.status_code == 202:
        assert stack.http.get(answer.headers["location"]).status_code == 200


def test_bytes_that_are_no_text(stack: Stack) -> None:
    """A 4xx problem."""
    answer = stack.http.post("/tasks", content=b'{"task_type": "\xff"}', headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_of_another_type(stack: Stack, content_type: str) -> None:
    """A 4xx problem, although the body is JSON."""
    content = '{"task_type": "default"}'
    answer = stack.http.post("/tasks", content=content, headers={"Content-Type": content_type})
    assert answer.status_code in (415, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large(stack: Stack) -> None:
    """413, whether or not its length is told beforehand."""
    too_large = b" " * (33 * 1024 * 1024)
    assert_problem(stack.http.post("/tasks", content=too_large, headers=JSON), 413, "content-too-large")
    pieces = (b" " * 1024 * 1024 for _ in range(33))
    assert_problem(stack.http.post("/tasks", content=pieces, headers=JSON), 413, "content-too-large")


def test_the_commit_comes_before_the_answer() -> None:
    """With the default scope a client could see its 202 and then lose the task."""
    found = next(part for part in get_args(SessionDep) if isinstance(part, Depends))
    assert (found.dependency, found.scope) == (get_session, "function")


def test_a_task_is_stored_when_the_answer_arrives(stack: Stack) -> None:
    """Another connection sees it at once, every time."""
    with stack.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(50):
            task_id = stack.submit(delay_seconds=3600)
            found = connection.exec_driver_sql("SELECT count(*) FROM tasks WHERE id = %s", (task_id,)).scalar_one()
            assert found == 1


def test_a_commit_that_fails_is_not_answered_with_success(own_stack: Stack) -> None:
    """A constraint that PostgreSQL checks at the commit turns the answer into a problem."""
    own_stack.start("api")
    own_stack.wait_for_api()
    own_stack.sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$")
    own_stack.sql(
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    answer = own_stack.http.post("/tasks", json={"task_type": "default"})
    assert_problem(answer, 500, "internal-error")
    assert "refuse" not in answer.text
    assert own_stack.sql("SELECT count(*) FROM tasks") == [(0,)]


def test_a_dead_database(own_stack: Stack) -> None:
    """503 with Retry-After, everywhere but /livez; and all is well once it is back."""
    own_stack.start_all()
    task_id = own_stack.submit(delay_seconds=3600)
    own_stack.postgres.stop()
    for answer in (
        own_stack.http.post("/tasks", json={"task_type": "default"}),
        own_stack.http.get("/tasks"),
        own_stack.http.get(f"/tasks/{task_id}/status"),
        own_stack.http.get(f"/tasks/{task_id}/events"),
    ):
        assert_problem(answer, 503, "database-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert_problem(own_stack.http.get("/readyz"), 503, "not-ready")
    health = own_stack.http.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    assert own_stack.http.get("/livez").status_code == 200
    own_stack.postgres.start()
    wait_until(lambda: own_stack.http.get("/readyz").status_code == 200, what="the API to be ready again")
    assert own_stack.task(task_id)["status"] == "pending"
    own_stack.wait_for(own_stack.submit(), "completed")


def test_a_dead_broker(own_stack: Stack) -> None:
    """Tasks are taken all the same, and run once it is back; /readyz and /health tell."""
    own_stack.start_all()
    own_stack.redis_server.stop()
    task_id = own_stack.submit()
    problem = assert_problem(own_stack.http.get("/readyz"), 503, "not-ready")
    assert "broker" in problem["detail"]
    health = own_stack.http.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["broker"]["status"] == "unavailable"
    own_stack.redis_server.start()
    own_stack.wait_for(task_id, "completed", seconds=60)
    wait_until(lambda: own_stack.health()["status"] == "ok", what="a healthy service")
