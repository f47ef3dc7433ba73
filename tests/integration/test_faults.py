"""Everything is killed, restarted, paused or wiped in the middle of work: no task is lost, none is finished twice."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(240)


def submit_many(stack: Stack, count: int, **request: object) -> list[str]:
    """Ids of a batch of equal tasks."""
    body = {"tasks": [{"task_type": "default", **request}] * count}
    return [task["task_id"] for task in stack.http.post("/tasks/batch", json=body).json()["tasks"]]


def wait_until_all_completed(stack: Stack, count: int, *, seconds: float = 120) -> None:
    """Until so many tasks are completed, and none is anything else."""
    query = "SELECT status, count(*) FROM tasks GROUP BY status"
    wait_until(lambda: dict(stack.sql(query)) == {"completed": count}, seconds=seconds, what=f"{count} completed tasks")


def wait_until_some_completed(stack: Stack, count: int) -> None:
    """Until at least so many tasks are completed."""
    query = "SELECT count(*) FROM tasks WHERE status = 'completed'"
    wait_until(lambda: stack.sql(query)[0][0] >= count, what=f"{count} completed tasks")


def assert_each_ended_once(stack: Stack) -> None:
    """Exactly one event that ends a task, for every task."""
    ended = "SELECT task_id, count(*) FROM events WHERE type IN ('completed', 'failed', 'cancelled') GROUP BY task_id"
    assert [row for row in stack.sql(ended) if row[1] != 1] == []


def starts(stack: Stack) -> Counter[int]:
    """How many tasks were started so many times."""
    return Counter(row[0] for row in stack.sql("SELECT count(*) FROM events WHERE type = 'started' GROUP BY task_id"))


def test_a_worker_killed_in_mid_task(own_stack: Stack) -> None:
    """The task is done once more within the lease, and the lost attempt counts."""
    own_stack.start_all()
    task_id = own_stack.submit(parameters={"processing_time": 2})
    own_stack.wait_for(task_id, "processing")
    own_stack.kill("worker")
    own_stack.start("worker")
    task = own_stack.wait_for(task_id, "completed")
    assert task["attempt"] == 2
    assert own_stack.events(task_id).count("rescued") == 1
    lost = own_stack.sql(
        "SELECT extract(epoch FROM max(at) - min(at)) FROM events WHERE type IN ('started', 'rescued') AND attempt = 1"
    )
    assert lost[0][0] < 3 + 2  # the lease, and one look of the rescuer


def test_a_task_that_kills_its_workers_ends_as_failed(own_stack: Stack) -> None:
    """With its own reason, after the last attempt."""
    own_stack.start_all()
    task_id = own_stack.submit(parameters={"processing_time": 60}, max_retries=1)
    for _ in range(2):
        own_stack.wait_for(task_id, "processing")
        own_stack.kill("worker")
        wait_until(lambda: own_stack.task(task_id)["status"] != "processing")
        own_stack.start("worker")
    task = own_stack.wait_for(task_id, "failed")
    assert (task["error"]["reason"], task["attempt"]) == ("worker_lost", 2)


def test_a_zombie_that_wakes_up_changes_nothing(own_stack: Stack) -> None:
    """A worker that was frozen for longer than its lease finds that another one finished its task."""
    own_stack.start_all()
    task_id = own_stack.submit(parameters={"processing_time": 2})
    own_stack.wait_for(task_id, "processing")
    zombie = own_stack.processes["worker"]
    group = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _session(pid) == zombie.pid]
    for pid in group:
        os.kill(pid, signal.SIGSTOP)
    own_stack.start("worker-2")
    first = own_stack.wait_for(task_id, "completed")
    for pid in group:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "told_to_stop" in own_stack.log("worker") or "void" in own_stack.log("worker"))
    wait_until(lambda: own_stack.redis.zcard("atropos:running:default") == 0)
    assert own_stack.task(task_id) == first
    assert_each_ended_once(own_stack)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def test_a_claim_that_waited_longer_than_its_lease_runs_nothing(own_stack: Stack) -> None:
    """Its lease is over, and somebody else may have the task: only the second attempt's handler begins."""
    own_stack.start("api")
    own_stack.start("dispatcher")
    own_stack.wait_for_api()
    task_id = own_stack.submit("behave", parameters={"behaviour": "quick", "lines": 1})
    wait_until(lambda: own_stack.sql("SELECT 1 FROM tasks WHERE dispatched_at IS NOT NULL"))
    with own_stack.database.engine.begin() as holder:
        holder.exec_driver_sql("SELECT 1 FROM tasks FOR UPDATE")
        own_stack.start("worker")
        age = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND now() - xact_start > interval '3.5 s'"
        wait_until(lambda: own_stack.sql(age), what="a claim to wait longer than a lease")
    assert own_stack.wait_for(task_id, "completed")["attempt"] == 2
    assert own_stack.sql("SELECT DISTINCT attempt FROM task_logs")[0][0] == 2
    assert own_stack.events(task_id) == ["submitted", "started", "rescued", "started", "completed"]


def test_an_api_killed_between_commit_and_answer(own_stack: Stack) -> None:
    """The client never hears, sends the same key again, and finds the task that was stored."""
    own_stack.start_all()
    headers = {"Idempotency-Key": "once"}
    # The hint after the commit blocks on a frozen Redis: the answer cannot have left when the API dies.
    os.kill(own_stack.redis_server.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(own_stack.http.post, "/tasks", json={"task_type": "default"}, headers=headers)
        wait_until(lambda: own_stack.sql("SELECT 1 FROM tasks"))
        own_stack.kill("api")
        os.kill(own_stack.redis_server.pid, signal.SIGCONT)
        with pytest.raises(httpx.TransportError):
            answer.result(30)
    own_stack.start("api")
    own_stack.wait_for_api()
    again = own_stack.http.post("/tasks", json={"task_type": "default"}, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    wait_until_all_completed(own_stack, 1)
    assert starts(own_stack) == {1: 1}


def test_a_dispatcher_killed_again_and_again(own_stack: Stack) -> None:
    """Wherever it was between PostgreSQL and Redis, every task runs, and ends once."""
    own_stack.overrides["dispatch_batch"] = "20"
    own_stack.start_all()
    submit_many(own_stack, 600)
    for killed in range(1, 6):
        wait_until_some_completed(own_stack, killed * 20)
        own_stack.kill("dispatcher")
        own_stack.start("dispatcher")
    wait_until_all_completed(own_stack, 600)
    assert_each_ended_once(own_stack)


def test_redis_wiped_with_a_thousand_tasks_queued(own_stack: Stack) -> None:
    """All complete, and none runs twice."""
    own_stack.start_all()
    own_stack.kill("worker", signal.SIGTERM)
    submit_many(own_stack, 1000)
    wait_until(lambda: own_stack.redis.llen("default") == 1000)
    own_stack.redis.flushall()
    own_stack.start("worker", worker_concurrency="2")
    wait_until_all_completed(own_stack, 1000)
    assert starts(own_stack) == {1: 1000}
    assert_each_ended_once(own_stack)


def test_redis_restarted_five_times_in_seconds(own_stack: Stack) -> None:
    """Workers that lost their connection take tasks again."""
    own_stack.start_all()
    for _ in range(5):
        submit_many(own_stack, 40)
        own_stack.redis_server.kill()
        own_stack.redis_server.start()
    wait_until_all_completed(own_stack, 200)
    late = own_stack.submit()
    own_stack.wait_for(late, "completed")
    assert_each_ended_once(own_stack)


def test_every_database_connection_terminated_under_load(own_stack: Stack) -> None:
    """Again and again: whoever was cut off goes on."""
    own_stack.start_all()
    submit_many(own_stack, 300, parameters={"processing_time": 0.01})
    terminate = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND application_name LIKE 'atropos-%%' AND application_name <> 'atropos-test'"
    )
    for goal in (20, 60, 100, 140, 180):
        wait_until_some_completed(own_stack, goal)
        assert own_stack.sql(terminate)[0][0] > 0
    wait_until_all_completed(own_stack, 300)
    assert_each_ended_once(own_stack)


def test_postgres_restarted_under_load(own_stack: Stack) -> None:
    """Submits during the outage are refused with 503, accepted ones all run, and the API comes back by itself."""
    own_stack.start_all()
    submit_many(own_stack, 200, parameters={"processing_time": 0.01})
    wait_until_some_completed(own_stack, 20)
    own_stack.postgres.kill()
    assert own_stack.http.post("/tasks", json={"task_type": "default"}).status_code == 503
    own_stack.postgres.start()
    own_stack.database.close()
    own_stack.wait_for_api()
    own_stack.submit()
    wait_until_all_completed(own_stack, 201)
    assert_each_ended_once(own_stack)


def test_a_cancelled_task_does_not_run_although_every_worker_was_away(own_stack: Stack) -> None:
    """Its id was already in Redis when it was cancelled."""
    own_stack.start("api")
    own_stack.start("dispatcher")
    own_stack.wait_for_api()
    cancelled, kept = own_stack.submit(), own_stack.submit()
    wait_until(lambda: own_stack.redis.llen("default") == 2)
    assert own_stack.http.post(f"/tasks/{cancelled}/cancel").json()["status"] == "cancelled"
    own_stack.start("worker")
    own_stack.wait_for(kept, "completed")
    assert own_stack.events(cancelled) == ["submitted", "cancelled"]


def test_two_dispatchers_side_by_side(own_stack: Stack) -> None:
    """They share the work, and no task is started twice."""
    own_stack.start_all()
    own_stack.start("dispatcher-2")
    wait_until(lambda: own_stack.health()["dispatchers"] == 2)
    submit_many(own_stack, 500)
    wait_until_all_completed(own_stack, 500)
    assert starts(own_stack) == {1: 500}
