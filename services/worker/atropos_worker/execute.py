"""The one Celery task: claim, run the handler, settle. A message is only a hint that the task may be due."""

import json
import threading
from uuid import UUID

import structlog

from atropos_core import tasks
from atropos_core.catalog import task_types
from atropos_core.db import is_outage
from atropos_core.models import Task
from atropos_worker import outcome, runtime
from atropos_worker.app import EXECUTE, app
from atropos_worker.lease import LeaseKeeper, Run
from atropos_worker.outcome import Outcome
from atropos_worker.runtime import Runtime
from atropos_worker.settle import settle

#: Seconds to try a claim while the database is away; then the reconciler sends the id again.
CLAIM_SECONDS = 10.0

log = structlog.get_logger("atropos.worker")

_keeper: LeaseKeeper | None = None


def start_keeper(in_runtime: Runtime) -> None:
    """Start this process's lease keeper; called once in each child."""
    global _keeper
    _keeper = LeaseKeeper(in_runtime)


@app.task(name=EXECUTE)
def execute(task_id: str) -> None:
    """Run the task, if it is still due and nobody else has it."""
    here = runtime.current()
    task = _claim(here, UUID(task_id))
    if task is None:
        log.debug("atropos.task.not_due", task_id=task_id)
        return
    with structlog.contextvars.bound_contextvars(task_id=task_id, attempt=task.attempt, task_type=task.task_type):
        here.show_running(task)
        here.hints.changed([task.id])
        log.info("atropos.task.started")
        run = Run(task, heartbeat=here.settings.heartbeat_seconds)
        if _keeper is None:
            start_keeper(here)
        assert _keeper is not None  # noqa: S101 - for the type checker
        with _keeper.watching(run):
            ended = _run_handler(run, here)
            if not run.take():
                threading.Event().wait()  # The keeper settles it, and ends this process.
            settle(here, task, run.claim, ended)


def _claim(here: Runtime, task_id: UUID) -> Task | None:
    lease = here.settings.lease_seconds
    try:
        return here.database.retrying(
            lambda session: tasks.claim(session, task_id, worker=here.name, lease=lease), seconds=CLAIM_SECONDS
        )
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("atropos.task.not_claimed", task_id=str(task_id), error=str(error))
        return None


def _run_handler(run: Run, here: Runtime) -> Outcome:
    """The outcome of the handler, whatever it does."""
    try:
        task_type = task_types().get(run.task.task_type)
        if task_type is None:
            raise LookupError(f"This worker has no task type {run.task.task_type!r}.")
        handler = task_type.load_handler()
        parameters = task_type.parameters.model_validate_json(json.dumps(run.task.parameters))
        run.in_handler = True
        try:
            result = handler(parameters, run.context)
        finally:
            run.in_handler = False
        return outcome.of_result(result, here.settings)
    except BaseException as error:
        run.in_handler = False
        return outcome.of_exception(error, run.task, run.context.stop_reason, here.settings)
