"""Pretended work: time that passes, progress that moves, failures on request."""

import time

from atropos_core.builtin_types import SimulationParameters
from atropos_worker.context import TaskContext
from atropos_worker.outcome import Permanent

#: Seconds between two reports of progress.
STEP_SECONDS = 0.1


class SimulatedFailure(Exception):
    """Somebody asked for it."""


def pretend(parameters: SimulationParameters, context: TaskContext, *, activity: str) -> None:
    """Let `processing_time` pass; fail half-way when asked to. Raises SimulatedFailure or Permanent."""
    fails = parameters.fail == -1 or context.attempt <= parameters.fail
    total = parameters.processing_time
    started = time.monotonic()
    if total:
        context.log(f"{activity}: begins", seconds=total)
    while (spent := time.monotonic() - started) < total:
        if fails and spent >= total / 2:
            break
        context.progress(spent / total, f"{activity}: {spent / total:.0%}")
        context.wait(min(STEP_SECONDS, total - spent))
    if parameters.fail_permanently:
        raise Permanent("failed for good, as fail_permanently asked")
    if fails:
        raise SimulatedFailure(f"attempt {context.attempt} failed, as fail={parameters.fail} asked")
    context.raise_if_stopped()
    if total:
        context.log(f"{activity}: done", seconds=round(time.monotonic() - started, 3))
