"""Event streams of the HTTP API: complete, in order, and without a gap or a repeat after a reconnect."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.test_api_errors import assert_problem
from tests.stack import Stack, wait_until

COMPLETED = ["submitted", "started", "completed"]


@dataclass
class Received:
    """One server-sent event, or a comment."""

    id: str | None = None
    data: dict[str, Any] | None = None
    comment: str | None = None


def follow(stack: Stack, path: str, after: object = None) -> Iterator[Received]:
    """What a stream sends until it ends (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
    with stack.http.stream("GET", path, headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        received = Received()
        for line in answer.iter_lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line and received != Received():
                yield received
                received = Received()
            elif name == "id":
                received.id = value
            elif name == "data":
                received.data = json.loads(value)
            elif line and not name:
                received.comment = value


def stored(stack: Stack, task_id: str) -> list[tuple[str, str]]:
    """Id and type of the task's events, as the database has them."""
    rows = stack.sql("SELECT id, type FROM events WHERE task_id = %s ORDER BY id", task_id)
    return [(str(row[0]), row[1]) for row in rows]


def sent(events: Iterator[Received]) -> list[tuple[str | None, str]]:
    """Id and type of those that carry an event."""
    return [(event.id, event.data["type"]) for event in events if event.data]


def test_a_task_is_followed_to_its_end(stack: Stack) -> None:
    """Every event once, in order, with its id; then the stream ends."""
    task_id = stack.submit(parameters={"processing_time": 1, "fail": 1}, max_retries=1)
    received = sent(follow(stack, f"/tasks/{task_id}/events"))
    assert received == stored(stack, task_id)
    assert [kind for _, kind in received if kind != "progressed"] == [
        "submitted",
        "started",
        "retry_scheduled",
        "started",
        "completed",
    ]


def test_an_event_tells_what_happened(stack: Stack) -> None:
    """The id of the stream is that of the data, next to the task, the attempt and the time."""
    task_id = stack.submit()
    started = next(
        event for event in follow(stack, f"/tasks/{task_id}/events") if event.data and event.data["type"] == "started"
    )
    assert started.data is not None
    assert (started.data["task_id"], started.data["attempt"], str(started.data["id"])) == (task_id, 1, started.id)
    assert started.data["at"]
    assert started.data["data"]["worker"]


def test_a_reconnect_misses_and_repeats_nothing(stack: Stack) -> None:
    """Cut off after every single event, a client still sees each once."""
    task_id = stack.submit(parameters={"processing_time": 1.5})
    received: list[tuple[str | None, str]] = []
    while not received or received[-1][1] != "completed":
        stream = follow(stack, f"/tasks/{task_id}/events", after=received[-1][0] if received else None)
        received.append(sent(iter([next(stream)]))[0])
        stream.close()  # type: ignore[attr-defined] # a generator
    assert received == stored(stack, task_id)


def test_nothing_is_left_to_follow(stack: Stack) -> None:
    """204 after the last event of a task that has ended, so that a browser does not reconnect."""
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    last = stored(stack, task_id)[-1][0]
    answer = stack.http.get(f"/tasks/{task_id}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")
    assert stack.http.get(f"/tasks/{task_id}/events", params={"last_event_id": last}).status_code == 204


def test_a_task_that_has_ended_is_told_from_the_beginning(stack: Stack) -> None:
    """A first connection after the end gets the whole history."""
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    received = sent(follow(stack, f"/tasks/{task_id}/events"))
    assert [kind for _, kind in received] == COMPLETED


@pytest.mark.parametrize("path", ["/events", f"/tasks/{uuid4()}/events"])
@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "9223372036854775808", "9" * 5000])
def test_an_event_id_that_is_none(stack: Stack, path: str, wrong: str) -> None:
    """422, in the header as in the query."""
    assert_problem(stack.http.get(path, headers={"Last-Event-ID": wrong}), 422, "cursor-invalid")
    assert_problem(stack.http.get(path, params={"last_event_id": wrong}), 422, "cursor-invalid")


def test_all_events_live(stack: Stack) -> None:
    """The stream opens at once with the id to resume from, and then has the events of every task."""
    stream = follow(stack, "/events")
    first = next(stream)
    assert (first.comment, first.data) == ("following", None)
    assert first.id is not None
    wanted = {stack.submit() for _ in range(2)}
    received: list[tuple[str, str]] = []
    while sum(kind == "completed" for _, kind in received) < 2:
        event = next(stream)
        if event.data and event.data["task_id"] in wanted:
            received.append((event.data["task_id"], event.data["type"]))
    stream.close()  # type: ignore[attr-defined] # a generator
    for task_id in wanted:
        assert [kind for of, kind in received if of == task_id] == COMPLETED


def test_all_events_resumed(stack: Stack) -> None:
    """After an id, every later event comes once and in order, also what happened meanwhile."""
    before = stack.sql("SELECT max(id) FROM events WHERE task_id = %s", stack.submit(delay_seconds=3600))[0][0]
    ids = [stack.submit() for _ in range(3)]
    for task_id in ids:
        stack.wait_for(task_id, "completed")
    rows = stack.sql("SELECT id FROM events WHERE id > %s ORDER BY id", before)
    stream = follow(stack, "/events", after=before)
    assert next(stream).comment == "following"
    assert [next(stream).id for _ in rows] == [str(row[0]) for row in rows]
    stream.close()  # type: ignore[attr-defined] # a generator


def test_the_stream_of_a_task_goes_on_without_hints(own_stack: Stack) -> None:
    """With Redis gone in the middle of a task, its stream goes on to the end."""
    own_stack.start_all()
    task_id = own_stack.submit(parameters={"processing_time": 2})
    own_stack.wait_for(task_id, "processing")
    stream = follow(own_stack, f"/tasks/{task_id}/events")
    first = next(stream)
    own_stack.redis_server.stop()
    received = sent(iter([first])) + sent(stream)
    assert received == stored(own_stack, task_id)
    assert received[-1][1] == "completed"


def test_the_very_first_event_is_followed(own_stack: Stack) -> None:
    """A stream that was opened before anything ever happened misses nothing of what does."""
    own_stack.start("api")
    own_stack.wait_for_api()
    events = follow(own_stack, "/events")
    assert next(events).comment == "following"
    task_id = own_stack.submit()
    assert stored(own_stack, task_id) == [("1", "submitted")]
    assert ("1", "submitted") in sent(iter([next(events)]))


def test_a_stream_begins_now_while_a_transaction_is_open(own_stack: Stack) -> None:
    """What was added up long ago is not sent again, however long somebody's transaction takes."""
    own_stack.start_all()
    for _ in range(3):
        own_stack.wait_for(own_stack.submit(), "completed")
    [[newest]] = own_stack.sql("SELECT max(id) FROM events")
    wait_until(lambda: own_stack.sql("SELECT 1 FROM event_cursors WHERE event_id = %s", newest), what="the adding up")
    with own_stack.database.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SELECT pg_current_xact_id()")
        assert next(follow(own_stack, "/events")).id == str(newest)
