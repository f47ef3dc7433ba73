"""The calls of the HTTP API that submit, list and read tasks, against the real service."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.integration.test_api_errors import assert_problem
from tests.stack import Stack

LATER = 3600


def label() -> str:
    """A label value of a test's own, so that it sees its own tasks only."""
    return uuid.uuid4().hex


def listed(stack: Stack, **query: Any) -> Iterator[str]:
    """Ids of all pages."""
    cursor: dict[str, str] = {}
    while True:
        page = stack.http.get("/tasks", params={**query, **cursor}).json()
        yield from (task["task_id"] for task in page["tasks"])
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def test_submit_answers_as_the_readme_says(stack: Stack) -> None:
    """202 with the id, the type, `pending`, the time, and where to find the task."""
    answer = stack.http.post("/tasks", json={"task_type": "data_processing", "parameters": {"processing_time": 0}})
    task = answer.json()
    assert answer.status_code == 202
    assert (task["task_type"], task["status"]) == ("data_processing", "pending")
    assert f"/tasks/{task['task_id']}" == answer.headers["location"]
    assert abs(datetime.fromisoformat(task["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_status_of_a_completed_task(stack: Stack) -> None:
    """It tells the attempt, the progress and all times."""
    task_id = stack.submit(parameters={"processing_time": 0.3})
    stack.wait_for(task_id, "completed")
    status = stack.http.get(f"/tasks/{task_id}/status").json()
    assert (task_id, "completed", 1, 1.0, None) == (
        status["task_id"],
        status["status"],
        status["attempt"],
        status["progress"],
        status["queue_position"],
    )
    assert status["created_at"] <= status["started_at"] <= status["finished_at"]


def test_result_of_a_completed_task(stack: Stack) -> None:
    """200 with what the handler returned."""
    task_id = stack.submit(parameters={"message": "hello"})
    stack.wait_for(task_id, "completed")
    answer = stack.http.get(f"/tasks/{task_id}/result")
    assert answer.status_code == 200
    assert (answer.json()["result"], answer.json()["error"]) == ({"echo": {"message": "hello"}}, None)


def test_result_of_a_failed_task(stack: Stack) -> None:
    """200 with the error: reason, type, message, traceback and attempt."""
    task_id = stack.submit(parameters={"fail": -1}, max_retries=1)
    stack.wait_for(task_id, "failed")
    error = stack.http.get(f"/tasks/{task_id}/result").json()["error"]
    assert (error["reason"], error["type"].rpartition(".")[2], error["attempt"]) == ("error", "SimulatedFailure", 2)
    assert "attempt 2 failed" in error["message"]
    assert "Traceback" in error["traceback"]


def test_result_of_a_task_that_has_not_ended(stack: Stack) -> None:
    """409, with the status it is in."""
    task_id = stack.submit(delay_seconds=LATER)
    problem = assert_problem(stack.http.get(f"/tasks/{task_id}/result"), 409, "task-not-finished")
    assert problem["task_status"] == "pending"


def test_a_repeated_request_finds_its_task(stack: Stack) -> None:
    """The same key and body, in any order of names, give the same task, and say so."""
    key = {"Idempotency-Key": label()}
    first = stack.http.post("/tasks", json={"task_type": "default", "parameters": {"a": 1, "b": 2}}, headers=key)
    again = stack.http.post("/tasks", json={"parameters": {"b": 2, "a": 1}, "task_type": "default"}, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["task_id"] == again.json()["task_id"]
    assert first.headers["location"] == again.headers["location"]
    assert (first.headers.get("idempotent-replayed"), again.headers.get("idempotent-replayed")) == (None, "true")


def test_a_key_with_another_request(stack: Stack) -> None:
    """422, and no task."""
    key = {"Idempotency-Key": label()}
    stack.http.post("/tasks", json={"task_type": "default"}, headers=key)
    other = stack.http.post("/tasks", json={"task_type": "default", "priority": 6}, headers=key)
    assert_problem(other, 422, "idempotency-key-reused")
    assert stack.sql("SELECT count(*) FROM tasks WHERE idempotency_key = %s", key["Idempotency-Key"]) == [(1,)]


def test_a_repeated_batch_finds_its_tasks(stack: Stack) -> None:
    """The chain in it is not made again; the key alone, or another batch with it, are other requests."""
    key = {"Idempotency-Key": label()}
    tasks = [{"task_type": "default"}, {"task_type": "default", "depends_on": [{"index": 0}]}]
    first, again = (stack.http.post("/tasks/batch", json={"tasks": tasks}, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    ids = [task["task_id"] for task in first.json()["tasks"]]
    assert [task["task_id"] for task in again.json()["tasks"]] == ids
    assert (first.headers.get("idempotent-replayed"), again.headers.get("idempotent-replayed")) == (None, "true")
    longer = stack.http.post("/tasks/batch", json={"tasks": [*tasks, tasks[0]]}, headers=key)
    assert assert_problem(longer, 422, "idempotency-key-reused")["task_id"] == ids[0]
    shorter = stack.http.post("/tasks/batch", json={"tasks": tasks[:1]}, headers=key)
    assert_problem(shorter, 422, "idempotency-key-reused")
    assert stack.http.post("/tasks", json=tasks[0], headers=key).status_code == 202


def test_fifty_requests_with_one_key_at_the_same_time(stack: Stack) -> None:
    """They make one task; one of them is the first."""
    key = {"Idempotency-Key": label()}
    with ThreadPoolExecutor(50) as pool:
        post = partial(stack.http.post, "/tasks", json={"task_type": "default"}, headers=key)
        requests = [pool.submit(post) for _ in range(50)]
        answers = [request.result() for request in requests]
    assert {202} == {answer.status_code for answer in answers}
    assert len({answer.json()["task_id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert stack.events(answers[0].json()["task_id"])[:1] == ["submitted"]


def test_priority_goes_first(stack: Stack) -> None:
    """Of tasks that become due at once, the greatest priority starts first."""
    due = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    blocker = stack.submit(parameters={"processing_time": 2})
    ids = {priority: stack.submit(priority=priority, run_at=due) for priority in (2, 9, 5)}
    tasks = {priority: stack.wait_for(task_id, "completed") for priority, task_id in ids.items()}
    stack.wait_for(blocker, "completed")
    assert sorted(tasks, key=lambda priority: tasks[priority]["started_at"]) == [9, 5, 2]


@pytest.mark.parametrize("how", ["run_at", "delay_seconds"])
def test_a_scheduled_task_waits(stack: Stack, how: str) -> None:
    """It starts when it is due, not before."""
    moment = datetime.now(UTC) + timedelta(seconds=1.5)
    task_id = stack.submit(**{how: moment.isoformat() if how == "run_at" else 1.5})
    task = stack.wait_for(task_id, "completed")
    assert timedelta(0) <= datetime.fromisoformat(task["started_at"]) - moment < timedelta(seconds=5)
    assert task["started_at"] >= task["run_at"]


def test_run_at_with_any_offset(stack: Stack) -> None:
    """It is the same moment, even with an offset that PostgreSQL does not take."""
    task_id = stack.submit(run_at="2030-01-01T00:00:00+23:00")
    assert datetime(2029, 12, 31, 1, tzinfo=UTC) == datetime.fromisoformat(stack.task(task_id)["run_at"])


def test_queue_position(own_stack: Stack) -> None:
    """It counts the due tasks that go before: by priority, then by age; a scheduled task has none."""
    own_stack.start("api")
    own_stack.wait_for_api()
    first, second = own_stack.submit(), own_stack.submit()
    urgent, scheduled = own_stack.submit(priority=9), own_stack.submit(delay_seconds=LATER)
    positions = [
        own_stack.http.get(f"/tasks/{task_id}/status").json()["queue_position"]
        for task_id in (urgent, first, second, scheduled)
    ]
    assert positions == [0, 1, 2, None]


def test_pages_cover_everything_once(stack: Stack) -> None:
    """Newest first, whatever the size of a page, and also when tasks arrive meanwhile."""
    mine = label()
    ids = [stack.submit(delay_seconds=LATER, labels={"test": mine}) for _ in range(7)]
    for limit in (1, 3, 7, 1000):
        assert ids[::-1] == list(listed(stack, label=f"test={mine}", limit=limit))
    pages = listed(stack, label=f"test={mine}", limit=3)
    begun = [next(pages)]
    stack.submit(delay_seconds=LATER, labels={"test": mine})
    assert ids[::-1] == begun + list(pages)


def test_filters(stack: Stack) -> None:
    """By state, type, labels and the time of creation; conditions are joined with AND."""
    mine = {"test": label()}
    done = stack.submit(labels=mine)
    waiting = stack.submit("report_generation", labels={**mine, "a/b": "c=d"}, delay_seconds=LATER)
    stack.wait_for(done, "completed")
    created = stack.task(waiting)["created_at"]
    tests: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [waiting, done]),
        ({"status": "completed"}, [done]),
        ({"status": ["completed", "pending"]}, [waiting, done]),
        ({"task_type": "report_generation"}, [waiting]),
        ({"task_type": "report_generation", "status": "completed"}, []),
        ({"created_from": created}, [waiting]),
        ({"created_before": created}, [done]),
        ({"task_id": [done]}, [done]),
        ({"task_id": [done, waiting], "status": "pending"}, [waiting]),
    ]
    for query, expected in tests:
        assert expected == list(listed(stack, label=f"test={mine['test']}", **query)), query
    assert [waiting] == list(listed(stack, label=[f"test={mine['test']}", "a/b=c=d"]))


def test_a_batch_keeps_its_order(stack: Stack) -> None:
    """The answer lists the tasks as the request did, and so does the list of tasks, from the end."""
    mine = label()
    batch = [
        {"task_type": name, "labels": {"test": mine}, "priority": priority, "delay_seconds": LATER}
        for name in ("default", "report_generation", "data_processing")
        for priority in (3, 7)
    ]
    answer = stack.http.post("/tasks/batch", json={"tasks": batch})
    assert answer.status_code == 202
    tasks = answer.json()["tasks"]
    assert [(task["task_type"], task["priority"]) for task in tasks] == [
        (task["task_type"], task["priority"]) for task in batch
    ]
    assert [task["task_id"] for task in tasks] == list(listed(stack, label=f"test={mine}"))[::-1]


def test_a_batch_is_taken_whole_or_not_at_all(stack: Stack) -> None:
    """One task that is not valid, and none is stored; the problem says which."""
    mine = {"labels": {"test": label()}, "task_type": "default", "delay_seconds": LATER}
    batch = [mine, {**mine, "parameters": {"text": "\x00"}}]
    assert_problem(stack.http.post("/tasks/batch", json={"tasks": batch}), 422, "value-not-storable")
    answer = stack.http.post("/tasks/batch", json={"tasks": [mine, {**mine, "priority": 10}]})
    problem = assert_problem(answer, 422, "invalid-request")
    assert problem["errors"][0]["location"][:3] == ["body", "tasks", 1]
    assert list(listed(stack, label=f"test={mine['labels']['test']}")) == []


def test_the_largest_batch_and_the_largest_bulk_call(stack: Stack) -> None:
    """10,000 tasks in one call and not one more; one call cancels them all."""
    mine = label()
    task = {"task_type": "default", "labels": {"test": mine}, "delay_seconds": LATER}
    refused = stack.http.post("/tasks/batch", json={"tasks": [task] * 10_001})
    assert assert_problem(refused, 422, "invalid-request")["errors"][0]["location"] == ["body", "tasks"]
    answer = stack.http.post("/tasks/batch", json={"tasks": [task] * 10_000})
    assert answer.status_code == 202
    assert len({task["task_id"] for task in answer.json()["tasks"]}) == 10_000
    stack.submit(labels={"test": mine}, delay_seconds=LATER)
    some = {"filter": {"labels": {"test": mine}}}
    first = stack.http.post("/tasks/cancel", json=some).json()
    assert first == {"matched": 10_000, "changed": 10_000, "more": True}
    assert stack.http.post("/tasks/cancel", json=some).json() == {"matched": 1, "changed": 1, "more": False}
