"""The Python client on the real service: what it waits for, what it runs, and what it leaves behind."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest

from atropos_client import AsyncClient, Client, MapProgress, TaskCancelled, TaskFailed, WaitTimeout
from tests.integration.test_api_tasks import label
from tests.stack import Stack, wait_until

FAILING: dict[str, Any] = {"fail_permanently": True}


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.api_url) as client:
        yield client


def test_wait_returns_the_task_with_its_result(client: Client) -> None:
    """From the event stream, without a pause."""
    task = client.submit("data_processing", {"rows": 7, "processing_time": 0.2})
    ended = client.wait(task["task_id"], timeout=30)
    assert (ended["status"], ended["result"]) == ("completed", client.result(task["task_id"])["result"])


def test_a_chain_is_waited_for_at_its_end(client: Client) -> None:
    """Its tasks hang together in one graph; one whose dependency fails says which."""
    first = client.submit("default", {"processing_time": 0.2})["task_id"]
    last = client.submit("default", depends_on=[UUID(first)])["task_id"]
    assert client.wait(last, timeout=30)["depends_on"] == [first]
    graph = client.graph(first)
    assert [node["task_id"] for node in graph["nodes"]] == [first, last]
    assert graph["edges"] == [{"task_id": last, "depends_on": first}]
    failing = client.submit("default", FAILING)["task_id"]
    with pytest.raises(TaskFailed, match=failing):
        client.wait(client.submit("default", depends_on=[failing], on_dependency_failure="fail")["task_id"], timeout=30)
    with pytest.raises(TaskCancelled, match=failing):
        client.wait(client.submit("default", depends_on=[failing])["task_id"], timeout=30)


def test_wait_raises_what_the_task_failed_with(client: Client) -> None:
    """The error has the task; a cancelled one has an error of its own kind."""
    with pytest.raises(TaskFailed, match="permanent") as failed:
        client.wait(client.submit("default", FAILING)["task_id"], timeout=30)
    assert failed.value.error
    assert failed.value.error["reason"] == "permanent"
    later = client.submit("default", delay_seconds=3600)["task_id"]
    client.cancel(later)
    with pytest.raises(TaskCancelled):
        client.wait(later)


def test_a_wait_ends_in_time_while_the_stream_is_silent(client: Client) -> None:
    """And the task goes on."""
    task_id = client.submit("default", delay_seconds=3600)["task_id"]
    started = time.monotonic()
    with pytest.raises(WaitTimeout, match=r"after 0\.4 s"):
        client.wait(task_id, timeout=0.4)
    assert time.monotonic() - started < 2
    assert client.cancel(task_id)["status"] == "cancelled"


def test_a_stream_has_every_event_once(client: Client) -> None:
    """From the first on, until the task has ended."""
    task_id = client.submit("default", {"processing_time": 0.3})["task_id"]
    kinds = [event["type"] for event in client.stream(task_id)]
    assert [kind for kind in kinds if kind != "progressed"] == ["submitted", "started", "completed"]


def test_a_killed_api_is_waited_out(own_stack: Stack) -> None:
    """A wait and a submission go through the death of the API; nothing is missed, and nothing is done twice."""
    own_stack.start_all()
    with Client(own_stack.api_url) as client:
        task_id = client.submit("default", {"processing_time": 3})["task_id"]
        events = client.stream(task_id)
        kinds = [next(events)["type"], next(events)["type"]]
        own_stack.kill("api", signal.SIGKILL)
        own_stack.start("api")
        second = client.submit("default")["task_id"]
        assert client.wait(second, timeout=60)["status"] == "completed"
        kinds += [event["type"] for event in events]
        assert [kind for kind in kinds if kind != "progressed"] == ["submitted", "started", "completed"]
        assert [task["task_id"] for task in client.list()] == [second, task_id]


def test_map_yields_in_order_and_keeps_its_bound(client: Client, stack: Stack) -> None:
    """Parameters are taken when there is room for them, though the first task takes longest."""
    mine = label()
    taken: list[int] = []
    outstanding: list[int] = []

    def parameters() -> Iterator[dict[str, Any]]:
        for rows in range(1, 8):
            taken.append(rows)
            outstanding.append(len([*client.list(labels={"test": mine}, status=["pending", "processing"])]))
            yield {"rows": rows, "processing_time": 0.5 if rows == 1 else 0}

    told: list[MapProgress] = []
    run = client.map("data_processing", parameters(), concurrency=3, labels={"test": mine}, on_progress=told.append)
    assert [task["parameters"]["rows"] for task in run] == [*range(1, 8)] == taken
    assert max(outstanding) <= 2
    assert told[-1] == MapProgress(total=None, submitted=7, completed=7)


def test_map_yields_as_tasks_end(client: Client) -> None:
    """One that has to be tried again holds up nobody; the number of the parameters is told."""
    told: list[MapProgress] = []
    run = client.map("default", [{"fail": 1}, {"fail": 0}], ordered=False, on_progress=told.append)
    assert [task["parameters"]["fail"] for task in run] == [0, 1]
    assert (told[-1].total, told[-1].ended) == (2, 2)


def test_a_failed_task_ends_a_map_and_cancels_the_others(client: Client) -> None:
    """Unless it is to be told apart by its status."""
    mine = {"test": label()}
    with pytest.raises(TaskFailed):
        list(client.map("default", [FAILING, {"processing_time": 3600}], labels=mine, ordered=False))
    statuses = {task["parameters"] != FAILING: task["task_id"] for task in map(client.get_task, ids(client, mine))}
    with pytest.raises(TaskCancelled):
        client.wait(statuses[True], timeout=30)
    unchecked = [task["status"] for task in client.map("default", [FAILING, {}], check=False)]
    assert unchecked == ["failed", "completed"]


def ids(client: Client, labels: dict[str, str]) -> list[str]:
    return [task["task_id"] for task in client.list(labels=labels)]


def left(client: Client, labels: dict[str, str]) -> list[str]:
    """The states of tasks with a label, once none is pending or processing."""
    wait_until(lambda: not [*client.list(labels=labels, status=["pending", "processing"])], what="them to stop")
    return sorted(task["status"] for task in client.list(labels=labels))


def test_a_map_that_is_left_cancels_what_has_not_ended(client: Client) -> None:
    """The caller has broken out of its loop."""
    mine = {"test": label()}
    parameters = [{"processing_time": seconds} for seconds in (0, 3600, 3600)]
    for _task in client.map("default", parameters, labels=mine, ordered=False):
        break
    assert left(client, mine) == ["cancelled", "cancelled", "completed"]


def test_an_interrupted_submission_of_a_map_is_cancelled_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the answer is on its way: the task is there, and nobody knows its id yet."""
    mine = {"test": label()}
    send = client._calls._connection.send
    sent = iter([KeyboardInterrupt])

    async def interrupted(request: Any) -> Any:
        response = await send(request)
        if request.url.path == "/tasks" and request.method == "POST":
            for interrupt in sent:
                raise interrupt
        return response

    monkeypatch.setattr(client._calls._connection, "send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(client.map("default", [{"processing_time": 3600}], labels=mine))
    assert left(client, mine) == ["cancelled"]


async def _numbers() -> AsyncIterator[dict[str, Any]]:
    for rows in (1, 2, 3):
        await asyncio.sleep(0)
        yield {"rows": rows}


async def _all_at_once(api_url: str) -> list[Any]:
    """Two maps, a wait and a stream beside each other on one client."""
    async with AsyncClient(api_url) as client:

        async def mapped() -> list[Any]:
            return [task["parameters"]["rows"] async for task in client.map("data_processing", _numbers())]

        async def streamed() -> list[str]:
            task = await client.submit("default")
            return [event["type"] async for event in client.stream(task["task_id"])]

        async def waited() -> str:
            task = await client.submit("default", {"processing_time": 0.3})
            return (await client.wait(task["task_id"], timeout=30))["status"]

        return [*await asyncio.gather(mapped(), mapped(), streamed(), waited())]


def test_asyncio_does_it_all_at_once(stack: Stack) -> None:
    """Calls that wait do not hold up each other."""
    mapped, again, streamed, waited = asyncio.run(_all_at_once(stack.api_url))
    assert mapped == again == [1, 2, 3]
    assert (streamed[0], streamed[-1], waited) == ("submitted", "completed", "completed")


def test_a_cancelled_asyncio_map_cancels_its_tasks(stack: Stack, client: Client) -> None:
    """The coroutine that reads it is cancelled, as by a timeout."""
    mine = {"test": label()}

    async def run() -> None:
        async with AsyncClient(stack.api_url) as other:
            parameters = [{"processing_time": 3600}] * 2
            async with asyncio.timeout(1), aclosing(other.map("default", parameters, labels=mine)) as tasks:
                async for _task in tasks:
                    raise AssertionError("none of them ends")

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert left(client, mine) == ["cancelled", "cancelled"]


def test_logs_are_followed_to_the_end(client: Client) -> None:
    """They have what the handler logged, once."""
    task_id = client.submit("data_processing", {"rows": 5, "processing_time": 0.5})["task_id"]
    followed = [line["message"] for line in client.logs(task_id, follow=True)]
    assert followed == [line["message"] for line in client.logs(task_id)]
    assert followed
