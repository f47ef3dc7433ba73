"""The thread that keeps the lease of the running task alive, and makes its handler stop.

First it is told, then interrupted, then killed with its process.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from atropos_core import tasks
from atropos_core.db import is_outage
from atropos_core.models import Task
from atropos_core.tasks import Claim
from atropos_worker import drain, outcome
from atropos_worker.context import TaskContext
from atropos_worker.outcome import Stopped, StopReason
from atropos_worker.runtime import Runtime
from atropos_worker.settle import settle

#: How often the keeper looks, in seconds.
TICK_SECONDS = 0.1
#: After the drain's deadline a handler is interrupted, and this much later killed.
DRAIN_KILL_SECONDS = 1.0
#: The exit code of a child that ends itself because its handler did not stop (EX_SOFTWARE).
KILLED_EXIT_CODE = 70
#: Interrupts the handler in the main thread. Celery uses SIGUSR1 for its own limits.
INTERRUPT = signal.SIGUSR2

log = structlog.get_logger("atropos.worker")


class Run:
    """One attempt that runs in this process."""

    def __init__(self, task: Task, *, heartbeat: float) -> None:
        self.task = task
        self.claim = Claim(task_id=task.id, fence=task.fence)
        self.context = TaskContext(task)
        self.started = time.monotonic()
        self.renewed = self.started
        self.next_renewal = self.started + heartbeat
        self.stopped_at: float | None = None
        self.interrupted = False
        #: True only while the handler's own code runs; written and read in the main thread.
        self.in_handler = False
        self._settled = threading.Lock()

    def take(self) -> bool:
        """True for the first of handler and keeper that settles this run; the other keeps out."""
        return self._settled.acquire(blocking=False)

    @property
    def taken(self) -> bool:
        """Whether somebody settles it, or did."""
        return self._settled.locked()


class LeaseKeeper:
    """One per process, for the one task that the process runs at a time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._changed = threading.Condition()
        self._run: Run | None = None
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._thread.start()
        signal.signal(INTERRUPT, self._interrupt)

    @contextmanager
    def watching(self, run: Run) -> Iterator[None]:
        """Keep the lease of this run while the block lasts."""
        with self._changed:
            self._run = run
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._run = None

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        run = self._run
        if run is not None and run.in_handler:
            raise Stopped(f"interrupted: {run.context.stop_reason}")

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._run is not None)
                run = self._run
            if run is not None and not run.taken:
                try:
                    self._tend(run)
                except Exception:
                    log.exception("atropos.lease.keeper_failed", task_id=str(run.task.id))
            time.sleep(TICK_SECONDS)

    def _tend(self, run: Run) -> None:
        now = time.monotonic()
        self._notice_time(run, now)
        progressed = now - run.renewed >= self._settings.progress_seconds and run.context.has_progress
        if now >= run.next_renewal or progressed:
            self._renew(run, now)
        if run.stopped_at is not None:
            self._escalate(run, time.monotonic())

    def _notice_time(self, run: Run, now: float) -> None:
        limit = run.task.timeout_seconds
        drained = drain.deadline()
        if limit is not None and now - run.started >= limit:
            self._stop(run, StopReason.TIMEOUT)
        elif drained is not None and now >= drained - self._settings.drain_notice_seconds:
            self._stop(run, StopReason.DRAIN)
        if now - run.renewed >= self._settings.lease_seconds:
            self._stop(run, StopReason.LOST)

    def _renew(self, run: Run, now: float) -> None:
        lease = self._settings.lease_seconds
        progress = run.context.take_progress()
        run.next_renewal = now + self._settings.heartbeat_seconds
        try:
            with self._runtime.database.transaction() as session:
                if progress is None:
                    task = tasks.renew(session, run.claim, lease=lease)
                else:
                    task = tasks.report_progress(session, run.claim, *progress, lease=lease)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("atropos.lease.not_renewed", task_id=str(run.task.id), error=str(error))
            run.next_renewal = now + min(1.0, self._settings.heartbeat_seconds)
            return
        self._renewed(run, task, now, changed=progress is not None)

    def _renewed(self, run: Run, task: Task | None, now: float, *, changed: bool) -> None:
        if task is None:
            if not run.taken:
                self._stop(run, StopReason.LOST)
            return
        run.renewed = now
        self._runtime.show_running(task)
        if changed:
            self._runtime.hints.changed([task.id])
        if task.cancel_requested_at is not None:
            self._stop(run, StopReason.CANCEL)

    def _stop(self, run: Run, reason: StopReason) -> None:
        before = run.context.stop_reason
        run.context.stop(reason)
        if run.context.stop_reason is not before:
            run.stopped_at = time.monotonic()
            log.info("atropos.task.told_to_stop", task_id=str(run.task.id), reason=reason.value)

    def _escalate(self, run: Run, now: float) -> None:
        interrupt_at, kill_at = self._deadlines(run)
        if now >= kill_at:
            self._kill(run)
        elif now >= interrupt_at and not run.interrupted:
            run.interrupted = True
            signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)

    def _deadlines(self, run: Run) -> tuple[float, float]:
        """When the run is interrupted, and when it is killed."""
        grace = self._settings.stop_grace_seconds
        stopped_at = run.stopped_at or 0.0
        if run.context.stop_reason is StopReason.LOST:
            return stopped_at, stopped_at + grace
        drained = drain.deadline()
        interrupt_at = stopped_at + grace
        if run.context.stop_reason is StopReason.DRAIN:
            interrupt_at = drained or interrupt_at
        kill_at = interrupt_at + (DRAIN_KILL_SECONDS if run.context.stop_reason is StopReason.DRAIN else grace)
        # Whatever the reason, a drain's deadline holds.
        return (
            (min(interrupt_at, drained), min(kill_at, drained + DRAIN_KILL_SECONDS))
            if drained
            else (interrupt_at, kill_at)
        )

    def _kill(self, run: Run) -> None:
        """Settle the run in the handler's place, and end this process: a thread cannot be stopped from outside."""
        if not run.take():
            return
        reason = run.context.stop_reason or StopReason.LOST
        log.error("atropos.task.killed", task_id=str(run.task.id), reason=reason.value)
        try:
            settle(self._runtime, run.task, run.claim, outcome.of_stop(run.task, reason, self._settings))
        finally:
            os._exit(KILLED_EXIT_CODE)
