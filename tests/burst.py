"""A run in which everything happens to tasks that can: every outcome, every reason, every accident."""

import signal

from tests.scrape import Observed
from tests.stack import Stack, wait_until

#: A trace that no other task has.
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def everything(observed: Observed) -> None:
    """Run it all with the worker `worker`, and leave nothing that runs or waits."""
    stack = observed.stack
    ends(stack)
    cancels(stack)
    a_traced_task(stack)
    a_lost_worker(observed)
    a_drained_worker(observed)
    a_wiped_redis(observed)
    wait_until(lambda: not stack.sql("SELECT 1 FROM tasks WHERE status IN ('pending', 'processing')"), seconds=60)


def ends(stack: Stack) -> None:
    """Successes, failures of each kind, and retries by the service and by a person."""
    batch = [{"task_type": "default"}] * 12 + [{"task_type": "data_processing"}] * 3
    assert stack.http.post("/tasks/batch", json={"tasks": batch}).status_code == 202
    recovered = stack.submit(parameters={"fail": 1})
    exhausted = stack.submit(parameters={"fail": -1}, max_retries=1)
    permanent = stack.submit("data_processing", parameters={"fail_permanently": True})
    late = stack.submit(parameters={"processing_time": 60}, timeout_seconds=0.5, max_retries=0)
    stack.wait_for(recovered, "completed")
    stack.wait_for(exhausted, "failed")
    stack.wait_for(late, "failed")
    stack.wait_for(permanent, "failed")
    assert stack.http.post(f"/tasks/{permanent}/retry").status_code == 200
    wait_until(lambda: stack.events(permanent).count("failed") == 2)


def cancels(stack: Stack) -> None:
    """Of a task that waits, and of one that runs."""
    waiting = stack.submit(delay_seconds=3600)
    running = stack.submit(parameters={"processing_time": 60})
    stack.wait_for(running, "processing")
    for task_id in (waiting, running):
        cancel(stack, task_id)


def cancel(stack: Stack, task_id: str) -> None:
    """Cancel a task, and wait until it is."""
    stack.http.post(f"/tasks/{task_id}/cancel").raise_for_status()
    stack.wait_for(task_id, "cancelled")


def a_traced_task(stack: Stack) -> None:
    """It gets its trace while it is not due yet."""
    task_id = stack.submit(delay_seconds=1, parameters={"processing_time": 0.2})
    stack.sql("UPDATE tasks SET traceparent = %s WHERE id = %s", TRACEPARENT, task_id)
    stack.wait_for(task_id, "completed")


def a_lost_worker(observed: Observed) -> None:
    """Its task is rescued and run again."""
    task_id = observed.stack.submit(parameters={"processing_time": 1})
    observed.stack.wait_for(task_id, "processing")
    observed.stack.kill("worker")
    observed.start("worker")
    observed.stack.wait_for(task_id, "completed")


def a_drained_worker(observed: Observed) -> None:
    """It gives its task back."""
    task_id = observed.stack.submit(parameters={"processing_time": 5})
    observed.stack.wait_for(task_id, "processing")
    observed.stack.kill("worker", signal.SIGTERM)
    observed.start("worker")
    assert observed.stack.wait_for(task_id, "completed")["attempt"] == 1


def a_wiped_redis(observed: Observed) -> None:
    """What was in it is sent again."""
    observed.stack.kill("worker", signal.SIGTERM)
    task_id = observed.stack.submit("data_processing")
    wait_until(lambda: observed.stack.redis.llen("default") == 1)
    observed.stack.redis.flushall()
    wait_until(lambda: "redispatched" in observed.stack.events(task_id))
    observed.start("worker")
    observed.stack.wait_for(task_id, "completed")
