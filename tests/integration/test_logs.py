"""What handlers log with `ctx.log`: there while they run, whole when they end, whatever happens to their worker."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from atropos_core import tasks
from atropos_core.drafts import TaskDraft
from atropos_worker.outcome import Completed
from atropos_worker.runs import Ended, Run
from atropos_worker.runtime import Runtime
from atropos_worker.settle import settle
from atropos_worker.spans import AttemptSpans
from tests.integration.test_api_errors import assert_problem
from tests.stack import Stack, wait_until


def submit(stack: Stack, behaviour: str, *, lines: int = 2, seconds: float = 60, **request: Any) -> str:
    """A task that logs at its beginning, and then behaves so."""
    return stack.submit("behave", parameters={"behaviour": behaviour, "lines": lines, "seconds": seconds}, **request)


def logs(stack: Stack, task_id: str, **query: Any) -> list[tuple[int, int, str]]:
    """Attempt, number and message of the lines of one page."""
    page = stack.http.get(f"/tasks/{task_id}/logs", params=query).json()
    return [(line["attempt"], line["line"], line["message"]) for line in page["lines"]]


def wait_for_lines(stack: Stack, task_id: str, count: int) -> None:
    """Until so many lines can be read."""
    wait_until(lambda: len(logs(stack, task_id)) >= count, what=f"{count} lines of {task_id}")


def test_lines_are_there_while_the_task_runs_and_after_it(stack: Stack) -> None:
    """In order, with those that were logged after it was told to stop."""
    task_id = submit(stack, "waits")
    wait_for_lines(stack, task_id, 2)
    assert stack.task(task_id)["status"] == "processing"
    stack.http.post(f"/tasks/{task_id}/cancel")
    stack.wait_for(task_id, "cancelled")
    assert logs(stack, task_id) == [(1, 1, "line 1"), (1, 2, "line 2"), (1, 3, "cleaned up")]
    line = stack.http.get(f"/tasks/{task_id}/logs").json()["lines"][0]
    assert line["fields"] == {"run": 1}
    assert line["at"] > stack.task(task_id)["created_at"]


def test_whoever_reads_progress_is_told_of_lines(stack: Stack) -> None:
    """A flush of lines is published as a change of the task."""
    task_id = submit(stack, "chatters", lines=0)
    stack.wait_for(task_id, "processing")
    with stack.redis.pubsub(ignore_subscribe_messages=True) as hints:
        hints.subscribe("atropos:changed")
        for _ in range(3):
            told = partial(hints.get_message, timeout=1)
            wait_until(lambda told=told: (found := told()) and task_id in found["data"])  # type: ignore[misc]
    stack.http.post(f"/tasks/{task_id}/cancel")
    stack.wait_for(task_id, "cancelled")


def test_each_attempt_has_its_lines(stack: Stack) -> None:
    """Those of the failed attempt stay, and one attempt can be chosen."""
    task_id = submit(stack, "fails", max_retries=1)
    stack.wait_for(task_id, "failed")
    expected = [(1, 1, "line 1"), (1, 2, "line 2"), (2, 1, "line 1"), (2, 2, "line 2")]
    assert logs(stack, task_id) == expected
    assert logs(stack, task_id, attempt=2) == expected[2:]
    assert logs(stack, task_id, attempt=3) == []


def test_simulations_say_what_they_do_unless_they_take_no_time(stack: Stack) -> None:
    """Those that take none double as the no-op of the benchmark."""
    slow, quick = stack.submit(parameters={"processing_time": 0.1}), stack.submit()
    for task_id in (slow, quick):
        stack.wait_for(task_id, "completed")
    assert logs(stack, slow) == [(1, 1, "waiting: begins"), (1, 2, "waiting: done")]
    assert logs(stack, quick) == []


def test_lines_after_a_retry_by_a_person_come_after_those_before(stack: Stack) -> None:
    """A reader goes on from its cursor although the attempts begin again, and no number comes twice."""
    task_id = submit(stack, "fails", max_retries=0)
    stack.wait_for(task_id, "failed")
    cursor = stack.http.get(f"/tasks/{task_id}/logs").json()["next_cursor"]
    assert logs(stack, task_id, after=cursor) == []
    stack.http.post(f"/tasks/{task_id}/retry")
    wait_until(lambda: stack.events(task_id).count("failed") == 2)
    assert logs(stack, task_id, after=cursor) == [(1, 3, "line 1"), (1, 4, "line 2")]


def test_pages_follow_each_other_and_the_last_one_has_a_cursor_too(stack: Stack) -> None:
    """It is null only before the first line."""
    task_id = submit(stack, "returns", lines=5)
    stack.wait_for(task_id, "completed")
    pages = []
    query: dict[str, Any] = {"limit": 2}
    for _ in range(4):
        page = stack.http.get(f"/tasks/{task_id}/logs", params=query).json()
        pages.append([line["line"] for line in page["lines"]])
        query["after"] = page["next_cursor"]
    assert pages == [[1, 2], [3, 4], [5], []]
    assert query["after"]
    empty = stack.http.get(f"/tasks/{stack.submit(delay_seconds=3600)}/logs").json()
    assert empty == {"lines": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        *("after=x", "after=1", "after=1:", "after=-1:1", "after=1:9999999999", "after=%D9%A1:1"),
        *("attempt=0", "attempt=2147483648", "limit=0", "limit=1001"),
    ],
)
def test_queries_that_are_refused(stack: Stack, query: str) -> None:
    """422, and no statement that PostgreSQL could not run."""
    task_id = stack.submit(delay_seconds=3600)
    assert_problem(stack.http.get(f"/tasks/{task_id}/logs?{query}"), 422, "invalid-request")


def test_a_task_that_is_not_there(stack: Stack) -> None:
    """404, also with a cursor."""
    path = "/tasks/00000000-0000-0000-0000-000000000000/logs"
    assert_problem(stack.http.get(path), 404, "task-not-found")
    assert_problem(stack.http.get(f"{path}?after=1:1"), 404, "task-not-found")


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service whose lease keeper writes nothing in time, and that keeps five lines."""
    settings = {"progress_seconds": "600", "heartbeat_seconds": "600", "lease_seconds": "1200"}
    own = Stack(tmp_path_factory.mktemp("late"), **settings, log_lines_per_attempt="5")
    try:
        yield own.start_servers().start_all()
    finally:
        own.stop()


def test_what_is_left_at_the_end_is_written_with_the_outcome(late: Stack) -> None:
    """Nothing is lost when the task ends before its first flush."""
    task_id = submit(late, "returns", lines=3)
    late.wait_for(task_id, "completed")
    assert logs(late, task_id) == [(1, 1, "line 1"), (1, 2, "line 2"), (1, 3, "line 3")]


def test_a_handler_that_is_killed_leaves_its_lines(late: Stack) -> None:
    """The keeper writes them in its place."""
    task_id = submit(late, "stubborn", timeout_seconds=0.2, max_retries=0)
    assert late.wait_for(task_id, "failed")["error"]["reason"] == "timeout"
    assert logs(late, task_id) == [(1, 1, "line 1"), (1, 2, "line 2")]


def test_lines_beyond_the_bound_are_counted(late: Stack) -> None:
    """The first ones are kept, and the last says how many are not."""
    task_id = submit(late, "returns", lines=20)
    late.wait_for(task_id, "completed")
    assert [message for *_, message in logs(late, task_id)] == [
        *(f"line {number}" for number in range(1, 5)),
        "16 more lines were dropped",
    ]


@pytest.mark.parametrize(("lines", "expected"), [(0, ["UPDATE"]), (2, ["INSERT INTO task_logs", "UPDATE"])])
def test_a_task_that_logs_nothing_costs_no_statement(late: Stack, lines: int, expected: list[str]) -> None:
    """The outcome is one statement; lines are one more, whatever their number."""
    runtime = Runtime(late.settings, "worker@test:1")
    draft = TaskDraft(task_type="default", queue="nobody", parameters={})
    with runtime.database.transaction() as session:
        (submitted,) = tasks.submit(session, [draft])
        ((task, _),) = tasks.claim(session, {submitted.id: None}, worker="test", lease=60)
    run = Run(task, AttemptSpans(None), runtime, claimed=time.monotonic())
    for _ in range(lines):
        run.context.log("x")
    statements: list[str] = []
    event.listen(runtime.database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    settle(runtime, [Ended(run, Completed("{}"), 0.1)], seconds=1)
    runtime.database.close()
    runtime.redis.close()
    assert [next(word for word in expected if word in found) for found in statements] == expected


def test_a_task_that_was_given_back_goes_on_counting(own_stack: Stack) -> None:
    """Its attempt has the same number again."""
    own_stack.start_all()
    task_id = submit(own_stack, "waits")
    wait_for_lines(own_stack, task_id, 2)
    own_stack.kill("worker", signal.SIGTERM)
    assert own_stack.task(task_id)["attempt"] == 0
    own_stack.start("worker")
    wait_for_lines(own_stack, task_id, 5)
    messages = ["line 1", "line 2", "cleaned up", "line 1", "line 2"]
    assert logs(own_stack, task_id) == [(1, number, message) for number, message in enumerate(messages, 1)]


def test_a_killed_worker_leaves_what_was_written(own_stack: Stack) -> None:
    """The next attempt adds its own."""
    own_stack.start_all()
    task_id = submit(own_stack, "waits")
    wait_for_lines(own_stack, task_id, 2)
    own_stack.kill("worker")
    own_stack.start("worker")
    wait_for_lines(own_stack, task_id, 4)
    assert logs(own_stack, task_id) == [(1, 1, "line 1"), (1, 2, "line 2"), (2, 1, "line 1"), (2, 2, "line 2")]


def test_a_zombie_adds_nothing(own_stack: Stack) -> None:
    """A worker that was frozen for longer than its lease has lines left, and may not write them."""
    own_stack.start_all()
    task_id = submit(own_stack, "chatters", seconds=2)
    wait_for_lines(own_stack, task_id, 5)
    zombies = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_of(own_stack, pid)]
    for pid in zombies:
        os.kill(pid, signal.SIGSTOP)
    own_stack.start("worker-2")
    own_stack.wait_for(task_id, "completed")
    before = logs(own_stack, task_id, limit=1000)
    for pid in zombies:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "atropos.task.void" in own_stack.log("worker"), what="the zombie to end")
    assert {attempt for attempt, *_ in before} == {1, 2}
    assert logs(own_stack, task_id, limit=1000) == before


def _is_of(stack: Stack, pid: int) -> bool:
    try:
        return os.getsid(pid) == stack.processes["worker"].pid
    except ProcessLookupError:
        return False
