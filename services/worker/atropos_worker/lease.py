"""The thread that keeps the lease of the running task alive, and makes its handler stop.

First it is told, then interrupted, then killed with its process. It also frees short tasks from a long one among them.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from atropos_core import logs, tasks
from atropos_core.db import is_outage
from atropos_core.models import Task
from atropos_core.tracing import flush_tracing
from atropos_worker import drain, outcome
from atropos_worker.outcome import StopReason
from atropos_worker.runs import Batch, Ended, Run
from atropos_worker.runtime import Runtime, resident_bytes
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


class LeaseKeeper:
    """One per process, for what the process has claimed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._changed = threading.Condition()
        self._batch: Batch | None = None
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._thread.start()
        signal.signal(INTERRUPT, self._interrupt)

    @contextmanager
    def watching(self, batch: Batch) -> Iterator[None]:
        """Keep the leases of its runs while the block lasts."""
        # A handler before this one may have taken the signal for itself.
        signal.signal(INTERRUPT, self._interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {INTERRUPT})
        with self._changed:
            self._batch = batch
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._batch = None

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        run = self._batch.current if self._batch is not None else None
        if run is not None and run.in_handler:
            run.context.interrupt()

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._batch is not None)
                batch = self._batch
            run = batch.current if batch is not None else None
            if batch is not None and run is not None and not run.taken:
                with structlog.contextvars.bound_contextvars(**run.log_fields):
                    try:
                        self._tend(batch, run)
                    except Exception:
                        log.exception("atropos.lease.keeper_failed")
            time.sleep(TICK_SECONDS)

    def _tend(self, batch: Batch, run: Run) -> None:
        now = time.monotonic()
        if now - run.started >= TICK_SECONDS:
            self._let_others_go(batch)
        self._notice_time(run, now)
        progressed = now - run.renewed >= self._settings.progress_seconds and run.context.has_progress
        if now >= run.next_renewal or progressed:
            self._renew(run, now)
        elif now - run.flushed >= self._settings.progress_seconds and run.context.lines:
            self._flush(run, now)
        if run.stopped_at is not None:
            self._escalate(run, time.monotonic())

    def _let_others_go(self, batch: Batch) -> None:
        """Settle those that ended before a long one, and give back those that wait for it."""
        others = batch.take_others()
        if not others:
            return
        try:
            settle(self._runtime, others, seconds=0.0)
        except Exception as error:
            for ended in others:
                batch.end(ended)
            if not is_outage(error):
                raise
            log.warning("atropos.lease.others_not_settled", error=str(error))

    def _notice_time(self, run: Run, now: float) -> None:
        limit = run.task.timeout_seconds
        drained = drain.deadline()
        if limit is not None and now - run.started >= limit:
            self._stop(run, StopReason.TIMEOUT)
        elif drained is not None and now >= drained - self._settings.drain_notice_seconds:
            self._stop(run, StopReason.DRAIN)
        memory = self._settings.worker_child_memory_bytes
        if memory is not None and resident_bytes() > memory:
            self._stop(run, StopReason.MEMORY)
        if now - run.renewed >= self._settings.lease_seconds:
            self._stop(run, StopReason.LOST)

    def _renew(self, run: Run, now: float) -> None:
        lease = self._settings.lease_seconds
        progress = run.context.take_progress()
        lines = run.context.lines.unwritten()
        run.next_renewal = now + self._settings.heartbeat_seconds
        run.flushed = now
        try:
            with self._runtime.database.transaction() as session:
                if progress is None:
                    task = tasks.renew(session, run.claim, lease=lease)
                else:
                    task = tasks.report_progress(session, run.claim, *progress, lease=lease)
                if lines:
                    logs.keep(session, run.claim, lines)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("atropos.lease.not_renewed", error=str(error))
            run.next_renewal = now + min(1.0, self._settings.heartbeat_seconds)
            return
        run.context.lines.forget(len(lines))
        self._renewed(run, task, now, changed=progress is not None or bool(lines))

    def _flush(self, run: Run, now: float) -> None:
        """Write new lines of the handler while no renewal is due."""
        lines = run.context.lines.unwritten()
        run.flushed = now
        try:
            with self._runtime.database.transaction() as session:
                logs.keep(session, run.claim, lines)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("atropos.lease.lines_not_written", task_id=str(run.task.id), error=str(error))
            return
        run.context.lines.forget(len(lines))
        self._runtime.hints.changed([run.task.id])

    def _renewed(self, run: Run, task: Task | None, now: float, *, changed: bool) -> None:
        if task is None:
            if not run.taken:
                self._stop(run, StopReason.LOST)
            return
        run.renewed = now
        self._runtime.hints.run([task], changed=changed)
        if task.cancel_requested_at is not None:
            self._stop(run, StopReason.CANCEL)

    def _stop(self, run: Run, reason: StopReason) -> None:
        before = run.context.stop_reason
        run.context.stop(reason)
        if run.context.stop_reason is not before:
            run.stopped_at = time.monotonic()
            log.info("atropos.task.told_to_stop", reason=reason.value)

    def _escalate(self, run: Run, now: float) -> None:
        interrupt_at, kill_at = self._deadlines(run)
        if now >= kill_at:
            self._kill(run)
        elif now >= interrupt_at and not run.interrupted:
            run.interrupted = True
            if signal.getsignal(INTERRUPT) == self._interrupt:  # By default it would end the process, unsettled.
                signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)

    def _deadlines(self, run: Run) -> tuple[float, float]:
        """When the run is interrupted, and when it is killed."""
        grace = self._settings.stop_grace_seconds
        stopped_at = run.stopped_at or 0.0
        if run.context.stop_reason in {StopReason.LOST, StopReason.MEMORY}:
            return stopped_at, stopped_at + (grace if run.context.stop_reason is StopReason.LOST else 0)
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
        log.error("atropos.task.killed", reason=reason.value)
        try:
            ended = Ended(run, outcome.of_stop(run.task, reason, self._settings), time.monotonic() - run.started)
            settle(self._runtime, [ended], seconds=self._settings.lease_seconds)
            flush_tracing()
        finally:
            os._exit(KILLED_EXIT_CODE)
