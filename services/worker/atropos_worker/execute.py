"""The one Celery task: claim, run the handler, settle. A message is only a hint that the task may be due."""

import json
import os
import threading
import time
from collections.abc import Sequence

import structlog
from sqlalchemy.orm import Session

from atropos_core import tasks
from atropos_core.calling import Handler, call
from atropos_core.catalog import task_types
from atropos_core.db import is_outage
from atropos_core.models import Task
from atropos_worker import outcome, runtime
from atropos_worker.app import EXECUTE, app
from atropos_worker.lease import LeaseKeeper
from atropos_worker.messages import Message
from atropos_worker.outcome import Outcome, Void
from atropos_worker.runs import Batch, Ended, Run
from atropos_worker.runtime import Runtime
from atropos_worker.settle import settle
from atropos_worker.short_tasks import ShortTasks
from atropos_worker.spans import AttemptSpans

#: Seconds to try a claim while the database is away; then the reconciler sends the id again.
CLAIM_SECONDS = 10.0
#: Results of this many bytes are settled without waiting for the rest of their batch.
SETTLED_AT_BYTES = 1024 * 1024

log = structlog.get_logger("atropos.worker")


class Child:
    """What a process that runs tasks has of its own."""

    def __init__(self, here: Runtime) -> None:
        self.here = here
        self.keeper = LeaseKeeper(here)
        self.short_tasks = ShortTasks(here.redis)


_child: Child | None = None


def start_child(here: Runtime) -> Child:
    """Called once in each child."""
    global _child
    _child = Child(here)
    return _child


@app.task(name=EXECUTE)
def execute(_task_id: str) -> None:
    """Run the task, if it is still due and nobody else has it; and short ones that wait behind it."""
    child = _child or start_child(runtime.current())
    first = Message.of(execute.request.get)
    queue = (execute.request.delivery_info or {})["routing_key"]
    others = child.short_tasks.beside(first, queue=str(queue))
    batch = Batch(_claim(child.here, [first, *others]))
    with child.keeper.watching(batch):
        while (run := batch.next()) is not None:
            ended = _attempt(run, child.here)
            if not isinstance(ended.outcome, Void):
                child.short_tasks.ran(run.task.task_type, ended.seconds)
            batch.end(ended)
            if batch.size > SETTLED_AT_BYTES:
                _settle(child.here, batch)
    _settle(child.here, batch)


def _settle(here: Runtime, batch: Batch) -> None:
    if ended := batch.take_ended():
        settle(here, ended, seconds=here.settings.lease_seconds)


def _claim(here: Runtime, messages: Sequence[Message]) -> Sequence[Run]:
    """The runs of those that are due, in the order of their messages."""
    spans = {message.task_id: AttemptSpans(message.traceparent) for message in messages}
    traceparents = {task_id: attempt.traceparent for task_id, attempt in spans.items()}

    began = time.monotonic()

    def claim(session: Session) -> Sequence[tuple[Task, str | None]]:
        nonlocal began
        began = time.monotonic()
        return tasks.claim(session, traceparents, worker=here.name, lease=here.settings.lease_seconds)

    try:
        claimed = {task.id: (task, previous) for task, previous in here.database.retrying(claim, seconds=CLAIM_SECONDS)}
    except Exception as error:
        if not is_outage(error):
            raise
        trace_id = spans[messages[0].task_id].trace_id
        log.warning("atropos.task.not_claimed", task_id=str(messages[0].task_id), trace_id=trace_id, error=str(error))
        return []
    runs = []
    for message in messages:
        if message.task_id in claimed:
            attempt = spans[message.task_id]
            attempt.claimed(*claimed[message.task_id])
            runs.append(Run(claimed[message.task_id][0], attempt, here, claimed=began))
        else:
            log.debug("atropos.task.not_due", task_id=str(message.task_id))
    if runs:
        with runs[0].spans.current():
            here.hints.run([run.task for run in runs], changed=True)
    return runs


def _attempt(run: Run, here: Runtime) -> Ended:
    """What came of a run that is the current one now."""
    if run.started - run.renewed >= here.settings.lease_seconds:
        # Its claim waited for a lock or for the disk all the while, and it may have been rescued already.
        return Ended(run, Void(), 0.0)
    with run.spans.current(), structlog.contextvars.bound_contextvars(**run.log_fields):
        log.info("atropos.task.started")
        came = _run_handler(run, here)
        run.context.files.close()
        if not run.take():
            threading.Event().wait()  # The keeper settles it, and ends this process.
    return Ended(run, came, time.monotonic() - run.started)


def _run_handler(run: Run, here: Runtime) -> Outcome:
    """The outcome of the handler, whatever it does."""
    try:
        task_type = task_types().get(run.task.task_type)
        if task_type is None:
            return outcome.of_missing_type(run.task, here.name, None, here.settings)
        try:
            handler: Handler = task_type.load_handler()
        except Exception as error:
            return outcome.of_missing_type(run.task, here.name, error, here.settings)
        parameters = task_type.parameters.model_validate_json(json.dumps(run.task.parameters))
        with run.spans.handler(task_type.name):
            run.in_handler, process = True, os.getpid()
            try:
                result = call(handler, parameters, run.context)
            finally:
                run.in_handler = False
                if os.getpid() != process:
                    os._exit(os.EX_SOFTWARE)  # A copy that the handler forked: it may neither settle nor take tasks.
        return outcome.of_result(result, here.settings)
    except BaseException as error:
        run.in_handler = False
        return outcome.of_exception(error, run.task, run.context.stop_reason, here.settings)
