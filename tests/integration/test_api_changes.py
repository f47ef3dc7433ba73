"""The calls of the HTTP API that cancel and retry tasks, one or many, against the real service."""

from typing import Any

from tests.integration.test_api_errors import assert_problem
from tests.integration.test_api_tasks import LATER, label
from tests.stack import Stack


def test_bulk_cancel_and_retry(stack: Stack) -> None:
    """A dry run only counts; only tasks that match and can change do."""
    mine = {"test": label()}
    waiting = [stack.submit(labels=mine, delay_seconds=LATER) for _ in range(3)]
    other = stack.submit("report_generation", labels=mine, delay_seconds=LATER)
    some: dict[str, Any] = {"filter": {"labels": mine, "task_type": ["default"]}}

    def bulk(action: str, **more: bool) -> tuple[int, int]:
        answer = stack.http.post(f"/tasks/{action}", json={**some, **more}).json()
        return answer["matched"], answer["changed"]

    assert bulk("cancel", dry_run=True) == (3, 0)
    assert bulk("cancel") == (3, 3)
    assert bulk("cancel") == (0, 0)
    assert {stack.task(task_id)["status"] for task_id in waiting} == {"cancelled"}
    assert stack.task(other)["status"] == "pending"
    assert bulk("retry", dry_run=True) == (3, 0)
    assert bulk("retry") == (3, 3)
    assert {stack.wait_for(task_id, "completed")["status"] for task_id in waiting} == {"completed"}


def test_cancel_before_it_runs(stack: Stack) -> None:
    """It never runs."""
    task_id = stack.submit(delay_seconds=LATER)
    answer = stack.http.post(f"/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert stack.events(task_id) == ["submitted", "cancelled"]
    result = stack.http.get(f"/tasks/{task_id}/result").json()
    assert (result["status"], result["result"], result["error"]) == ("cancelled", None, None)


def test_cancel_while_it_runs(stack: Stack) -> None:
    """It is asked to stop, and cancelled once it did; asking again changes nothing."""
    task_id = stack.submit(parameters={"processing_time": 60})
    stack.wait_for(task_id, "processing")
    answer = stack.http.post(f"/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "processing")
    assert answer.json()["cancel_requested_at"] is not None
    assert stack.http.post(f"/tasks/{task_id}/cancel").status_code in (200, 409)
    stack.wait_for(task_id, "cancelled")
    assert [event for event in stack.events(task_id) if event != "progressed"] == [
        "submitted",
        "started",
        "cancel_requested",
        "cancelled",
    ]


def test_cancel_after_it_ended(stack: Stack) -> None:
    """409, with the status it is in."""
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    problem = assert_problem(stack.http.post(f"/tasks/{task_id}/cancel"), 409, "task-not-cancellable")
    assert problem["task_status"] == "completed"


def test_retry_of_a_failed_task(stack: Stack) -> None:
    """It runs again with all its attempts, and the same id."""
    task_id = stack.submit(parameters={"fail": -1}, max_retries=1)
    stack.wait_for(task_id, "failed")
    answer = stack.http.post(f"/tasks/{task_id}/retry")
    assert (answer.status_code, answer.json()["status"], answer.json()["attempt"]) == (200, "pending", 0)
    assert stack.wait_for(task_id, "failed")["attempt"] == 2
    attempts = ["started", "retry_scheduled", "started", "failed"]
    assert stack.events(task_id) == ["submitted", *attempts, "retried", *attempts]


def test_retry_of_a_completed_task(stack: Stack) -> None:
    """409, with the status it is in."""
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    problem = assert_problem(stack.http.post(f"/tasks/{task_id}/retry"), 409, "task-not-retryable")
    assert problem["task_status"] == "completed"
