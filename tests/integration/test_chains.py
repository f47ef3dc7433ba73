"""Chains of tasks through the API, on a running service: what it takes, tells and refuses."""

import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from atropos_core import task_graph, tasks
from atropos_core.drafts import TaskDraft
from atropos_core.lifecycle import DependencyFailure
from tests.domain import Domain
from tests.stack import Stack, wait_until


@pytest.fixture
def unfinished(stack: Stack) -> Iterator[str]:
    """A task that does not end before the test."""
    task_id = stack.submit(delay_seconds=3600)
    yield task_id
    stack.http.post(f"/tasks/{task_id}/cancel")


def status_of(stack: Stack, task_id: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.http.get(f"/tasks/{task_id}/status").json()
    return found


def test_a_task_runs_after_the_one_that_it_depends_on(stack: Stack) -> None:
    """It starts when the other has completed, without waiting for a look of the dispatcher."""
    first = stack.submit(parameters={"processing_time": 0.3})
    last = stack.submit(depends_on=[first])
    ended = stack.wait_for(last, "completed")
    assert ended["started_at"] >= stack.task(first)["finished_at"]
    assert stack.events(last) == ["submitted", "released", "started", "completed"]
    assert (ended["depends_on"], ended["dependents"], ended["on_dependency_failure"]) == ([first], [], "cancel")
    assert (stack.task(first)["dependents"], stack.task(first)["on_dependency_failure"]) == ([last], None)


def test_a_waiting_task_says_for_what(stack: Stack, unfinished: str) -> None:
    """It is pending, has no place in the queue, and names the tasks that have not ended."""
    done = stack.submit()
    stack.wait_for(done, "completed")
    last = stack.submit(depends_on=[unfinished, done])
    found = status_of(stack, last)
    assert (found["status"], found["queue_position"]) == ("pending", None)
    assert [(each["task_id"], each["task_type"]) for each in found["waiting_for"]] == [(unfinished, "default")]
    assert not found["run_at"].startswith("9998")
    stack.http.post(f"/tasks/{last}/cancel")
    assert status_of(stack, last)["waiting_for"] == []


@pytest.mark.parametrize(("on_failure", "status"), [("fail", "failed"), ("cancel", "cancelled"), ("run", "completed")])
def test_a_cancel_reaches_the_end_of_the_chain(stack: Stack, unfinished: str, on_failure: str, status: str) -> None:
    """Two links behind the one that was cancelled: each as it was asked to."""
    middle = stack.submit(depends_on=[unfinished], on_dependency_failure=on_failure)
    last = stack.submit(depends_on=[middle], on_dependency_failure=on_failure)
    stack.http.post(f"/tasks/{unfinished}/cancel")
    ended = stack.wait_for(last, "completed", "failed", "cancelled")
    assert ended["status"] == status
    result = stack.http.get(f"/tasks/{middle}/result").json()
    if on_failure != "run":
        assert (result["error"]["type"], unfinished in result["error"]["message"]) == ("dependency_failed", True)


def test_a_batch_refers_to_its_own_tasks(stack: Stack) -> None:
    """By their place; a diamond runs in its order."""
    batch = [
        {"task_type": "default"},
        {"task_type": "default", "depends_on": [{"index": 0}]},
        {"task_type": "default", "depends_on": [{"index": 0}]},
        {"task_type": "default", "depends_on": [{"index": 1}, {"index": 2}]},
    ]
    answer = stack.http.post("/tasks/batch", json={"tasks": batch})
    ids = [task["task_id"] for task in answer.json()["tasks"]]
    ended = [stack.wait_for(task_id, "completed") for task_id in ids]
    assert ended[3]["depends_on"] == ids[1:3]
    assert ended[3]["started_at"] >= max(task["finished_at"] for task in ended[:3])


def test_a_graph_shows_all_that_hangs_together(stack: Stack, unfinished: str) -> None:
    """From each of its tasks, with edges to what each depends on."""
    left, right = (stack.submit(depends_on=[unfinished]) for _ in range(2))
    last = stack.submit(depends_on=[left, right])
    graphs = [stack.http.get(f"/tasks/{task_id}/graph").json() for task_id in (unfinished, last)]
    for found, first in zip(graphs, (unfinished, last), strict=True):
        assert found["nodes"][0]["task_id"] == first
        assert {node["task_id"] for node in found["nodes"]} == {unfinished, left, right, last}
        assert {(edge["task_id"], edge["depends_on"]) for edge in found["edges"]} == {
            (left, unfinished),
            (right, unfinished),
            (last, left),
            (last, right),
        }
        assert found["truncated"] is False
    assert {node["status"] for node in graphs[0]["nodes"]} <= {"pending", "processing"}


def test_a_task_alone_is_a_graph_of_one(stack: Stack) -> None:
    """And one that is not there has none."""
    found = stack.http.get(f"/tasks/{stack.submit()}/graph").json()
    assert (len(found["nodes"]), found["edges"]) == (1, [])
    assert stack.http.get(f"/tasks/{uuid4()}/graph").status_code == 404


def test_a_large_graph_is_cut(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest tasks are shown, and that there are more."""
    monkeypatch.setattr(task_graph, "MAXIMUM_NODES", 5)
    domain = Domain(servers)
    drafts = [TaskDraft(task_type="default", queue="default", parameters={})]
    for _ in range(9):
        needed, how = [drafts[-1].id], DependencyFailure.CANCEL
        drafts.append(
            TaskDraft(task_type="default", queue="default", parameters={}, depends_on=needed, on_dependency_failure=how)
        )
    domain.do(lambda session: tasks.submit(session, drafts))
    found = domain.do(lambda session: task_graph.graph(session, drafts[0].id))
    assert [task.id for task in found.tasks] == [draft.id for draft in drafts[:5]]
    assert (len(found.edges), found.truncated) == (4, True)


UNKNOWN = str(uuid4())
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown": ({"depends_on": [UNKNOWN]}, "dependency-not-found", f"there is no task {UNKNOWN}"),
    "itself": ({"depends_on": [{"index": 0}]}, "dependency-not-found", "task 0 is not before it"),
    "twice": ({"depends_on": [UNKNOWN, UNKNOWN]}, "invalid-request", "give each task once"),
    "no id": ({"depends_on": ["x"]}, "invalid-request", "body.default.depends_on.0"),
    "too many": ({"depends_on": [str(uuid4()) for _ in range(101)]}, "invalid-request", "at most 100"),
    "another word": ({"on_dependency_failure": "ignore"}, "invalid-request", "'fail', 'cancel' or 'run'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_named(stack: Stack, name: str) -> None:
    """What does not exist, with its place; and what is no list of tasks."""
    request, slug, words = REFUSED[name]
    answer = stack.http.post("/tasks", json={"task_type": "default", **request})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, f"urn:atropos:problem:{slug}")
    assert words in problem["detail"]


def test_a_mistake_in_a_batch_is_named_with_its_place(stack: Stack) -> None:
    """And nothing of the batch is stored."""
    label = str(uuid4())
    task = {"task_type": "default", "labels": {"batch": label}}
    batch = [task, {**task, "depends_on": [{"index": 0}, UNKNOWN]}]
    problem = stack.http.post("/tasks/batch", json={"tasks": batch}).json()
    assert (problem["entry"], problem["position"], problem["task_id"]) == (1, 1, UNKNOWN)
    assert stack.http.get("/tasks", params={"label": f"batch={label}"}).json()["tasks"] == []


def test_statistics_count_from_the_release(stack: Stack) -> None:
    """What a task waited for others is no waiting time."""
    first = stack.submit(parameters={"processing_time": 1.5})
    last = stack.submit(depends_on=[first])
    stack.wait_for(last, "completed")
    started = stack.sql("SELECT data FROM events WHERE task_id = %s AND type = 'started'", last)[0][0]
    assert started["seconds"] < 1.4


def test_a_handler_is_told_of_what_it_depends_on(stack: Stack) -> None:
    """The results, the states, and artifacts that were not there when it was submitted."""
    failed = stack.submit("behave", parameters={"behaviour": "exits"}, max_retries=0)
    file_id = stack.upload(b"hello", name="a.txt", media_type="text/plain")["file_id"]
    first = stack.submit("copy", parameters={"source": {"file_id": file_id}, "name": "b.txt", "seconds": 0.3})
    source = {"task_id": first, "artifact": "b.txt"}
    second = stack.submit("copy", parameters={"source": source, "name": "c.txt"}, depends_on=[first])
    last = stack.submit("gather", depends_on=[second, failed], on_dependency_failure="run")
    found = stack.wait_for(last, "completed", "failed")["result"]
    assert found[failed] == {"task_type": "behave", "state": "failed", "result": None, "texts": {}}
    assert (found[second]["state"], found[second]["texts"]) == ("completed", {"c.txt": "hello"})
    assert found[second]["result"]["sha256"] == stack.task(second)["artifacts"][0]["sha256"]


def test_a_handler_of_a_task_that_depends_on_none_is_told_of_none(stack: Stack) -> None:
    """An empty mapping."""
    assert stack.wait_for(stack.submit("gather"), "completed", "failed")["result"] == {}


def test_kills_in_the_middle_of_chains_lose_no_link(own_stack: Stack) -> None:
    """Each task runs once the one before it has completed, while workers and dispatchers are killed."""
    own_stack.overrides["lease_seconds"] = "2"
    own_stack.start_all()
    own_stack.start("dispatcher-2")
    entry = {"task_type": "default", "parameters": {"processing_time": 0.05}, "max_retries": 20}
    chain = [{**entry, "depends_on": [{"index": index - 4}] if index > 3 else []} for index in range(60)]
    tasks_of_chain = own_stack.http.post("/tasks/batch", json={"tasks": chain}).json()["tasks"]
    done = "SELECT count(*) FROM tasks WHERE status = 'completed'"
    for number, goal in enumerate((8, 20, 32, 44)):
        wait_until(lambda goal=goal: own_stack.sql(done)[0][0] >= goal, seconds=60, what=f"{goal} to be done")  # type: ignore[misc]
        for name in (("worker", "dispatcher"), ("dispatcher-2",), ("worker",), ("dispatcher", "dispatcher-2"))[number]:
            own_stack.kill(name, signal.SIGKILL)
            own_stack.start(name)
    wait_until(lambda: own_stack.sql(done)[0][0] == len(tasks_of_chain), seconds=60, what="all to be done")
    early = """SELECT count(*) FROM task_dependencies AS edge JOIN tasks AS after ON after.id = edge.task_id
               JOIN tasks AS before ON before.id = edge.depends_on WHERE after.started_at < before.finished_at"""
    assert own_stack.sql(early)[0][0] == 0
    assert own_stack.sql("SELECT count(*) FROM events WHERE type = 'released'")[0][0] == 56
