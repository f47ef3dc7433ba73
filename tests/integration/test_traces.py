"""One trace a task, from the request through the queue to the outcome, at a real collector."""

import re

from tests.collector import ATTEMPT, Collector, Span, named, trace_id_of
from tests.stack import Stack

CALLER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{CALLER_TRACE}-00f067aa0ba902b7-01"


def _attempts(spans: list[Span], name: str) -> list[Span]:
    found = [span for span in spans if span.name == name]
    return sorted(found, key=lambda span: span.attributes["atropos.attempt"])


def test_a_task_is_one_trace_through_three_processes(traced: tuple[Stack, Collector]) -> None:
    """The request, the dispatch, the attempt and its three parts, each below the one before."""
    stack, collector = traced
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    spans = collector.trace(trace_id_of(stack, task_id), "POST /tasks", *ATTEMPT)
    request, dispatch, attempt = (named(spans, name) for name in ("POST /tasks", *ATTEMPT[:2]))
    assert [span.parent_id for span in (request, dispatch, attempt)] == ["", request.span_id, dispatch.span_id]
    assert {named(spans, name).parent_id for name in ATTEMPT[2:]} == {attempt.span_id}
    assert [span.kind for span in (request, dispatch, attempt)] == ["SERVER", "PRODUCER", "CONSUMER"]
    services = [span.service for span in (request, dispatch, attempt)]
    assert services == ["atropos-api", "atropos-dispatcher", "atropos-worker"]


def test_an_attempt_says_what_it_was(traced: tuple[Stack, Collector]) -> None:
    """The task, its type and queue, which attempt, and how it ended; a success links to nothing and is no error."""
    stack, collector = traced
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    attempt = named(collector.trace(trace_id_of(stack, task_id), *ATTEMPT), "attempt default")
    ours = {name: value for name, value in attempt.attributes.items() if name.startswith("atropos.")}
    assert ours == {
        "atropos.task_id": task_id,
        "atropos.task_type": "default",
        "atropos.queue": "default",
        "atropos.attempt": 1,
        "atropos.outcome": "completed",
    }
    assert (attempt.links, attempt.failed) == ((), False)


def test_calls_of_database_and_redis_are_spans(traced: tuple[Stack, Collector]) -> None:
    """Below the request and below the outcome: the insert, the update, and the hint that tells of it."""
    stack, collector = traced
    task_id = stack.submit()
    stack.wait_for(task_id, "completed")
    spans = collector.trace(
        trace_id_of(stack, task_id), "POST /tasks", *ATTEMPT, "INSERT tasks", "UPDATE tasks", "PIPELINE ZREM"
    )
    assert named(spans, "INSERT tasks").parent_id == named(spans, "POST /tasks").span_id
    settle = named(spans, "settle")
    below = {span.attributes["db.system.name"] for span in spans if span.parent_id == settle.span_id}
    assert below == {"postgresql", "redis"}


def test_the_trace_of_the_caller_goes_on(traced: tuple[Stack, Collector]) -> None:
    """Our request is a child of the caller's span, and the answer names our span in that trace."""
    stack, collector = traced
    answer = stack.http.post("/tasks", json={"task_type": "default"}, headers={"traceparent": CALLER})
    version, trace_id, span_id, _flags = answer.headers["traceparent"].split("-")
    assert (version, trace_id) == ("00", CALLER_TRACE)
    request = named(collector.trace(CALLER_TRACE, "POST /tasks", *ATTEMPT), "POST /tasks")
    assert (request.span_id, request.parent_id) == (span_id, "00f067aa0ba902b7")
    assert trace_id_of(stack, answer.json()["task_id"]) == CALLER_TRACE


def test_a_retry_is_in_the_same_trace_and_links_to_the_attempt_before(traced: tuple[Stack, Collector]) -> None:
    """Each attempt that failed has its exception, and the next one's span and dispatch link to it."""
    stack, collector = traced
    task_id = stack.submit(parameters={"fail": 1})
    stack.wait_for(task_id, "completed")
    trace_id = trace_id_of(stack, task_id)
    first, second = _attempts(collector.trace(trace_id, *ATTEMPT, *ATTEMPT), "attempt default")
    assert (first.failed, first.exceptions) == (True, ("SimulatedFailure",))
    assert first.attributes["atropos.outcome"] == "retry_scheduled"
    assert (second.links, second.failed) == (((trace_id, first.span_id),), False)
    dispatches = [span.links for span in collector.trace(trace_id) if span.name == "dispatch default"]
    assert sorted(dispatches) == [(), ((trace_id, first.span_id),)]


def test_spans_of_a_handler_are_below_its_own(traced: tuple[Stack, Collector]) -> None:
    """A handler needs nothing but OpenTelemetry's API."""
    stack, collector = traced
    task_id = stack.submit("behave", parameters={"behaviour": "traces"})
    stack.wait_for(task_id, "completed")
    spans = collector.trace(trace_id_of(stack, task_id), "own", "handler behave")
    assert named(spans, "own").parent_id == named(spans, "handler behave").span_id


def test_a_killed_handler_leaves_its_spans(traced: tuple[Stack, Collector]) -> None:
    """A child that ends itself, as its handler does not stop, sends what it has first."""
    stack, collector = traced
    task_id = stack.submit("behave", parameters={"behaviour": "stubborn"}, timeout_seconds=0.5, max_retries=0)
    stack.wait_for(task_id, "failed")
    spans = collector.trace(trace_id_of(stack, task_id), "attempt behave", "handler behave", "settle")
    attempt = named(spans, "attempt behave")
    assert (attempt.exceptions, attempt.attributes["error.type"]) == (("TaskTimeout",), "timeout")
    assert named(spans, "handler behave").failed


def test_a_batch_is_one_trace(traced: tuple[Stack, Collector]) -> None:
    """Each of its tasks has the context of the request."""
    stack, collector = traced
    answer = stack.http.post("/tasks/batch", json={"tasks": [{"task_type": "default"}] * 3})
    task_ids = [task["task_id"] for task in answer.json()["tasks"]]
    [trace_id] = {trace_id_of(stack, task_id) for task_id in task_ids}
    spans = collector.trace(trace_id, "POST /tasks/batch", *ATTEMPT, *ATTEMPT, *ATTEMPT)
    assert {span.attributes["atropos.task_id"] for span in spans if span.kind == "CONSUMER"} == set(task_ids)


def test_what_nobody_asked_for_is_no_trace(traced: tuple[Stack, Collector]) -> None:
    """Polls, reports, probes and streams make no span: every trace begins with a request, or is the caller's."""
    stack, collector = traced
    task_id = stack.submit(parameters={"processing_time": 1.5})
    for path in ("/livez", "/readyz", "/health", f"/tasks/{task_id}/events"):
        assert stack.http.get(path, headers={"traceparent": CALLER.replace("4bf9", "beef")}).status_code == 200
    collector.trace(trace_id_of(stack, task_id), *ATTEMPT)
    spans = list(collector.spans)
    roots = {span.name for span in spans if not span.parent_id}
    assert roots <= {"POST /tasks", "POST /tasks/batch", "GET /tasks/{task_id}"}
    assert not [span for span in spans if span.trace_id.startswith("beef")]


def test_every_line_about_a_task_has_its_trace(traced: tuple[Stack, Collector]) -> None:
    """From its start to its outcome, the lease keeper's lines too."""
    stack, _ = traced
    task_id = stack.submit("behave", parameters={"behaviour": "stubborn"}, timeout_seconds=0.5, max_retries=0)
    stack.wait_for(task_id, "failed")
    trace_id = trace_id_of(stack, task_id)
    lines = [line for line in stack.log("worker").splitlines() if task_id in line]
    assert {"started", "told_to_stop", "killed", "failed"} <= set(re.findall(r"atropos\.task\.(\w+)", "\n".join(lines)))
    assert [line for line in lines if trace_id not in line] == []


def test_a_rescue_is_in_the_same_trace_and_links_to_the_lost_attempt(own_traced: tuple[Stack, Collector]) -> None:
    """The lost one's span died with its worker; the link names it still."""
    stack, collector = own_traced
    stack.start_all()
    task_id = stack.submit(parameters={"processing_time": 3})
    stack.wait_for(task_id, "processing")
    [[lost]] = stack.sql("SELECT attempt_traceparent FROM tasks WHERE id = %s", task_id)
    stack.kill("worker")
    stack.start("worker")
    stack.wait_for(task_id, "completed")
    trace_id = trace_id_of(stack, task_id)
    attempt = named(collector.trace(trace_id, *ATTEMPT), "attempt default")
    assert attempt.attributes["atropos.attempt"] == 2
    assert attempt.links == ((trace_id, lost.split("-")[2]),)
