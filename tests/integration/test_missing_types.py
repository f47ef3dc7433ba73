"""A worker that lacks a task type, or cannot import it, fails none of its tasks."""

from datetime import datetime
from uuid import UUID

from atropos_core import tasks
from atropos_core.drafts import TaskDraft
from atropos_core.events import running_key
from tests.domain import Domain
from tests.stack import Stack, wait_until


def _placed(service: Stack, queue: str, *, task_type: str, parameters: dict[str, str]) -> str:
    """A task as another API put it into this queue, and as it knew its type."""
    draft = TaskDraft(task_type=task_type, queue=queue, parameters=parameters, max_retries=0)
    Domain(service).do(lambda session: tasks.submit(session, [draft]))
    return str(draft.id)


def _given_back(service: Stack, task_id: str, times: int) -> dict[str, str | int]:
    """The task, once it was given back so often."""

    def find() -> dict[str, str | int] | None:
        task = service.task(task_id)
        return task if task["status"] == "pending" and task["interruptions"] >= times else None

    return wait_until(find, what=f"{task_id} to be given back")


def test_a_task_of_an_unknown_type_is_given_back(service: Stack) -> None:
    """No attempt counts, each time it waits longer, and it says why."""
    task_id = _placed(service, "default", task_type="nowhere", parameters={})
    task = _given_back(service, task_id, 2)
    assert (task["attempt"], task["error"]) == (0, None)
    assert str(task["progress_message"]).endswith(" has no task type 'nowhere'")
    found = service.sql(
        "SELECT at, data FROM events WHERE type = 'interrupted' AND task_id = %s ORDER BY id", UUID(task_id)
    )
    waits = [(datetime.fromisoformat(data["run_at"]) - at).total_seconds() for at, data in found]
    assert [round(wait) for wait in waits[:2]] == [2, 4]
    assert {(data["reason"], data["message"]) for _, data in found} == {("no_task_type", task["progress_message"])}
    assert service.http.post(f"/tasks/{task_id}/cancel").json()["status"] == "cancelled"


def test_a_task_whose_handler_cannot_be_imported_is_given_back(service: Stack) -> None:
    """With Python's own words; the worker goes on with others."""
    task_id = service.submit("unloadable")
    task = _given_back(service, task_id, 1)
    assert "cannot import task type 'unloadable': ModuleNotFoundError: No module" in str(task["progress_message"])
    service.wait_for(service.submit(), "completed")
    assert service.http.post(f"/tasks/{task_id}/cancel").json()["status"] == "cancelled"


def test_a_task_goes_on_in_the_pool_that_has_its_type_by_now(service: Stack) -> None:
    """As when an API of before put it where its type was then: it is moved, and counted where it is."""
    for number, queue in enumerate(("lacking", "moved"), start=4):
        service.start(f"worker-{number}", worker_queues=queue, task_queues='{"behave": "moved"}')
    task_id = _placed(service, "lacking", task_type="behave", parameters={"behaviour": "lacks"})
    task = service.wait_for(task_id, "completed", seconds=60)
    assert (task["queue"], task["attempt"], task["interruptions"]) == ("moved", 1, 1)
    [[data]] = service.sql("SELECT data FROM events WHERE type = 'interrupted' AND task_id = %s", UUID(task_id))
    assert (data["reason"], data["message"], data["queue"]) == ("no_task_type", "This worker has no program.", "moved")
    assert service.redis.zcard(running_key("lacking")) == 0


def test_a_worker_does_not_start_without_the_types_of_its_pool(service: Stack) -> None:
    """Its pods never become ready, and those of the image before go on. Types of other pools it may lack."""
    worker = service.start("worker-2", task_queues='{"nowhere": "default"}')
    assert worker.wait(60) == 1
    assert "task_queues (`taskTypes` of a pool) names 'nowhere', and no such task type is installed" in service.log(
        "worker-2"
    )
    service.start("worker-3", task_queues='{"nowhere": "elsewhere"}')
    wait_until(lambda: "ready." in service.log("worker-3"), what="the third worker")
