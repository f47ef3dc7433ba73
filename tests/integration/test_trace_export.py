"""What happens to spans when processes end, the sample leaves them out, or nobody takes them."""

import signal
import subprocess
import sys
import time

from atropos_cli.embedded.ports import free_port
from tests.collector import ATTEMPT, Collector, named, trace_id_of
from tests.stack import Stack, wait_until

CALLER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{CALLER_TRACE}-00f067aa0ba902b7-01"


def test_children_that_are_replaced_lose_no_spans(own_traced: tuple[Stack, Collector]) -> None:
    """One task a child: each child's spans arrive, from as many children."""
    stack, collector = own_traced
    stack.overrides["worker_max_tasks_per_child"] = "1"
    stack.start_all()
    task_ids = [stack.submit() for _ in range(4)]
    for task_id in task_ids:
        stack.wait_for(task_id, "completed")
    traces = [collector.trace(trace_id_of(stack, task_id), "POST /tasks", *ATTEMPT) for task_id in task_ids]
    assert len({named(spans, "attempt default").instance for spans in traces}) == len(task_ids)


def test_a_drain_loses_no_spans(own_traced: tuple[Stack, Collector]) -> None:
    """SIGTERM to each process: the spans of what just ended, and of what was cut off, are sent."""
    stack, collector = own_traced
    stack.start_all()
    task_id = stack.submit(parameters={"processing_time": 60})
    stack.wait_for(task_id, "processing")
    trace_id = trace_id_of(stack, task_id)
    codes = {name: stack.kill(name, signal.SIGTERM) for name in ("worker", "dispatcher", "api")}
    assert (codes["worker"], codes["dispatcher"]) == (0, 0)
    spans = collector.trace(trace_id, "POST /tasks", *ATTEMPT, seconds=0.1)
    assert named(spans, "attempt default").attributes["atropos.outcome"] == "interrupted"


def test_a_sample_of_nothing_sends_nothing(own_traced: tuple[Stack, Collector]) -> None:
    """The ratio 0 leaves no span; the trace still has an id for the log."""
    stack, collector = own_traced
    stack.overrides["trace_sample_ratio"] = "0"
    stack.start_all()
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    assert trace_id_of(stack, task_id) in stack.log("worker")
    for name in ("worker", "dispatcher", "api"):
        stack.kill(name, signal.SIGTERM)
    assert collector.spans == []


def test_a_caller_may_ask_for_a_trace_that_the_sample_leaves_out(own_traced: tuple[Stack, Collector]) -> None:
    """The `sampled` flag of its traceparent holds."""
    stack, collector = own_traced
    stack.overrides["trace_sample_ratio"] = "0"
    stack.start_all()
    stack.http.post("/tasks", json={"task_type": "default"}, headers={"traceparent": CALLER})
    collector.trace(CALLER_TRACE, "POST /tasks", *ATTEMPT)


def test_a_collector_that_is_away_holds_nothing_up(own_stack: Stack) -> None:
    """Tasks run as ever, each process complains once, and none waits for it when it ends."""
    own_stack.overrides["otlp_endpoint"] = f"http://127.0.0.1:{free_port()}"
    own_stack.start_all()
    task_ids = [own_stack.submit() for _ in range(20)]
    for task_id in task_ids:
        own_stack.wait_for(task_id, "completed")
    wait_until(lambda: "Transient error" in own_stack.log("worker"), what="a complaint")
    for name in ("worker", "dispatcher", "api"):
        began = time.monotonic()
        own_stack.kill(name, signal.SIGTERM)
        # Left to itself the SDK tries for ten seconds, after a worker's usual three.
        assert time.monotonic() - began < 9
        assert own_stack.log(name).count("opentelemetry.exporter") <= 1


def test_without_a_collector_the_trace_of_the_caller_is_passed_on(stack: Stack) -> None:
    """It comes back as it was, is kept with the task, and names the task's lines in the log."""
    answer = stack.http.post("/tasks", json={"task_type": "default"}, headers={"traceparent": CALLER})
    assert answer.headers["traceparent"] == CALLER
    task_id = answer.json()["task_id"]
    assert stack.wait_for(task_id, "completed")["trace_id"] == CALLER_TRACE
    assert stack.task(stack.submit())["trace_id"] is None
    lines = [line for line in stack.log("worker").splitlines() if task_id in line]
    assert [line for line in lines if CALLER_TRACE not in line] == []


def test_without_a_collector_no_process_imports_the_sdk(stack: Stack) -> None:
    """OpenTelemetry's API is all there is, but for the metrics that redis-py imports where the SDK is installed."""
    made = (
        "import sys; from atropos_api.main import create_app; import atropos_api.__main__; create_app();"
        "import atropos_worker.__main__, atropos_worker.dispatcher;"
        "sdk = ('opentelemetry.sdk.trace', 'opentelemetry.exporter');"
        "print([name for name in sys.modules if name.startswith(sdk)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", made], env=stack.environment(), capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
