"""Short tasks are claimed, run and settled together; nothing about one of them harms another."""

import json
import uuid
from collections.abc import Sequence

import pytest
from kombu import Connection
from kombu.transport.virtual import Channel

from atropos_core.lifecycle import new_task_id
from atropos_core.models import Task
from atropos_worker.app import EXECUTE, app
from atropos_worker.messages import Message, encoded
from atropos_worker.short_tasks import MAXIMUM_TOGETHER, TOGETHER_SECONDS, ShortTasks
from tests.stack import Stack, wait_until

SHORT = TOGETHER_SECONDS / 10
QUICK = {"behaviour": "quick"}


def _task(*, task_type: str = "short", attempt: int = 0) -> Task:
    return Task(id=new_task_id(), task_type=task_type, queue="taking", attempt=attempt, interruptions=0)


def _message(task: Task, *, time_limit: float | None = None) -> str:
    return encoded(task, traceparent=None, time_limit=time_limit)


def _queued(stack: Stack, *members: str) -> ShortTasks:
    """A child that knows one short and one long type, and expects to find many, before this list."""
    stack.redis.delete("taking")
    short_tasks = ShortTasks(stack.redis)
    short_tasks.ran("short", SHORT)
    short_tasks.ran("long", 1.0)
    first = Message.read(_message(_task()))
    # All that it asks for fits, so it asks for twice as many the next time.
    for _ in range(5):
        stack.redis.lpush("taking", *[_message(_task()) for _ in range(MAXIMUM_TOGETHER)])
        short_tasks.beside(first, "taking")
    stack.redis.delete("taking")
    stack.redis.lpush("taking", *members)
    return short_tasks


def _ids(members: Sequence[str]) -> list[uuid.UUID]:
    return [Message.read(member).task_id for member in members]


@pytest.mark.parametrize(
    ("between", "time_limit"),
    [
        (_task(task_type="long"), None),
        (_task(task_type="unknown"), None),
        (_task(attempt=1), None),
        (_task(), 60.0),
    ],
    ids=["long", "never seen", "ran before", "with another limit"],
)
def test_what_is_not_surely_short_stays_in_the_list(servers: Stack, between: Task, time_limit: float | None) -> None:
    """It is left there, with all behind it, in the same order."""
    members = [_message(_task()), _message(between, time_limit=time_limit), _message(_task()), _message(_task())]
    short_tasks = _queued(servers, *members)
    taken = short_tasks.beside(Message.read(_message(_task())), "taking")
    assert [message.task_id for message in taken] == _ids(members[:1])
    assert _ids(servers.redis.lrange("taking", 0, -1)) == _ids(members[:0:-1])


@pytest.mark.parametrize("first", [_task(task_type="long"), _task(task_type="unknown"), _task(attempt=1)])
def test_beside_what_is_not_surely_short_nothing_is_taken(servers: Stack, first: Task) -> None:
    """It runs alone."""
    short_tasks = _queued(servers, _message(_task()))
    assert short_tasks.beside(Message.read(_message(first)), "taking") == []
    assert servers.redis.llen("taking") == 1


def test_no_more_is_taken_than_runs_in_a_moment(servers: Stack) -> None:
    """However long the list is."""
    members = [_message(_task()) for _ in range(50)]
    short_tasks = _queued(servers, *members)
    taken = short_tasks.beside(Message.read(_message(_task())), "taking")
    assert len(taken) * SHORT < TOGETHER_SECONDS
    assert len(taken) + servers.redis.llen("taking") == 50


def test_a_message_is_what_celery_would_write(servers: Stack) -> None:
    """As far as Celery's worker reads it, so workers of any version can take it."""
    task = _task()
    with Connection(servers.redis_server.url) as connection:
        app.send_task(EXECUTE, args=(str(task.id),), task_id=str(task.id), queue="celerys", connection=connection)
        theirs = json.loads(str(servers.redis.rpop("celerys")))
        ours = json.loads(encoded(task, traceparent=None, time_limit=7))
        bodies = [
            json.loads(Channel.decode_body(connection.channel(), one["body"], one["properties"].get("body_encoding")))
            for one in (theirs, ours)
        ]
    assert bodies[0] == bodies[1]
    assert ours["headers"] == {
        **{name: theirs["headers"][name] for name in ("lang", "task", "id", "root_id")},
        "timelimit": [7, None],
        "task_type": "short",
    }
    for name in ("content-type", "content-encoding"):
        assert ours[name] == theirs[name]
    assert ours["properties"].keys() <= theirs["properties"].keys()
    assert ours["properties"]["correlation_id"] == theirs["properties"]["correlation_id"]


def _learn(stack: Stack, **parameters: object) -> None:
    """Let the children see many short ones of the type."""
    learned = _submit(stack, *[parameters] * 200)
    for task_id in learned:
        stack.wait_for(task_id, "completed", seconds=60)


def _submit(stack: Stack, *parameters: dict[str, object]) -> list[str]:
    """Handed to Redis at once, so that one child can take many of them."""
    tasks = [{"task_type": "behave", "parameters": one, "max_retries": 1} for one in parameters]
    answer = stack.http.post("/tasks/batch", json={"tasks": tasks})
    return [task["task_id"] for task in answer.json()["tasks"]]


def test_a_long_task_among_short_ones_holds_none_of_them(own_stack: Stack) -> None:
    """What was claimed behind it is given back, and runs elsewhere meanwhile; the history says why."""
    own_stack.overrides["worker_concurrency"] = "2"
    own_stack.start_all()
    _learn(own_stack, **QUICK)
    long = {"behaviour": "waits", "seconds": 8}
    ids = _submit(own_stack, *[QUICK] * 20, long, *[QUICK] * 40)
    short = [task_id for task_id in ids if task_id != ids[20]]
    for task_id in short:
        assert own_stack.wait_for(task_id, "completed")["attempt"] == 1
    assert own_stack.task(ids[20])["status"] == "processing"
    held_up = own_stack.sql("SELECT task_id, data ->> 'reason' FROM events WHERE type = 'interrupted'")
    assert held_up
    assert {reason for _, reason in held_up} == {"held_up"}
    assert own_stack.wait_for(ids[20], "completed")["interruptions"] == 0


def test_a_task_that_kills_its_process_harms_its_neighbours_once(own_stack: Stack) -> None:
    """They lose an attempt at most, since after that each runs alone; the killer fails for what it did."""
    own_stack.start_all()
    _learn(own_stack, **QUICK)
    ids = _submit(own_stack, *[QUICK] * 20, {"behaviour": "kills"}, *[QUICK] * 20)
    for task_id in ids[:20] + ids[21:]:
        assert own_stack.wait_for(task_id, "completed", "failed", seconds=60)["status"] == "completed"
    killer = own_stack.wait_for(ids[20], "completed", "failed", seconds=60)
    assert (killer["status"], killer["error"]["reason"], killer["attempt"]) == ("failed", "worker_lost", 2)
    wait_until(lambda: not own_stack.sql("SELECT 1 FROM tasks WHERE status IN ('pending', 'processing')"))
