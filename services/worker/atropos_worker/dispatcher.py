"""`python -m atropos_worker.dispatcher` hands due tasks to Redis. The only way in; any number may run side by side."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

import redis
import structlog
from prometheus_client import REGISTRY

from atropos_core import dependencies, limits, queries, statistics, tasks
from atropos_core.db import is_outage
from atropos_core.events import WAKE, EventHorizon
from atropos_core.models import Process, Task
from atropos_core.settings import get_settings
from atropos_core.telemetry import configure_logging
from atropos_core.tracing import configure_tracing, shutdown_tracing
from atropos_worker import maintenance, messages, runtime, spans
from atropos_worker.file_sweep import FileSweep
from atropos_worker.presence import Presence
from atropos_worker.probes import serve_probes
from atropos_worker.retention import Retention
from atropos_worker.runtime import Runtime
from atropos_worker.task_metrics import TaskMetrics

#: While a queue's window is full and more is due, the dispatcher looks again after this many seconds.
FULL_SECONDS = 0.05
#: After so many tasks of a queue that a limit holds back, the other queues have their turn.
MAXIMUM_HELD = 2000
#: A handler that outlives its timeout, its interrupt and its kill holds the interpreter; Celery then kills the
#: child from outside, this many seconds after the timeout and both graces.
BACKSTOP_SECONDS = 30.0
#: A round takes milliseconds; one that takes this many seconds hangs, and to start anew loses nothing.
STILL_SECONDS = 60.0
#: Without a round that succeeded for this long, the dispatcher is not ready, in seconds.
FAILING_SECONDS = 10.0

log = structlog.get_logger("atropos.dispatcher")


class Dispatcher:
    """The loop. Every step may fail while a service is away, and is tried again in the next round."""

    def __init__(self, here: Runtime) -> None:
        self._runtime = here
        self._settings = here.settings
        self._stopping = threading.Event()
        self._reconciler = maintenance.Reconciler(here)
        self._horizon = EventHorizon()
        #: What Prometheus is told.
        self.metrics = TaskMetrics(here)
        self._processes: Sequence[Process] = ()
        self._next_run: dict[str, float] = {}
        #: By queue: the limit behind which the next look for tasks to let go begins.
        self._looked: dict[str, str] = {}
        self._round_ended = time.monotonic()

    def stop(self, sig: int, _frame: FrameType | None) -> None:
        """End after this round."""
        log.info("atropos.dispatcher.stopping", signal=signal.Signals(sig).name)
        self._stopping.set()

    def why_dead(self) -> str | None:
        """The reason to restart this dispatcher; none while its loop turns, whether services answer or not."""
        still = time.monotonic() - self._round_ended
        return f"the loop stands still for {still:.0f} s" if still > STILL_SECONDS else None

    def why_not_ready(self) -> str | None:
        """The reason why nothing is dispatched; none while it is."""
        succeeded = self.metrics.round_succeeded
        if succeeded is None:
            return "no round succeeded yet"
        failing = time.monotonic() - succeeded
        return f"no round succeeded for {failing:.0f} s" if failing > FAILING_SECONDS else None

    def run(self) -> None:
        """Dispatch until stopped."""
        with self._runtime.redis.pubsub(ignore_subscribe_messages=True) as wakes:  # type: ignore[no-untyped-call] # redis-py
            pause = 0.0
            while not self._stopping.is_set():
                self._wait(wakes, pause)
                pause = self._settings.dispatch_poll_seconds
                try:
                    pause = min(pause, self.dispatch())
                    self._maintain()
                    self.metrics.round_succeeded = time.monotonic()
                except Exception as error:
                    self._report(error)
                self._round_ended = time.monotonic()

    def dispatch(self) -> float:
        """Hand over what is due and fits; returns the seconds after which something may be due again."""
        pause = self._settings.dispatch_poll_seconds
        with self._runtime.database.transaction() as session:
            told = dependencies.tell(session)
            waiting = queries.seconds_until_due(session)
        if told.more:
            self._runtime.hints.changed(task.id for task in told.tasks)
            pause = 0.0
        for queue, due in waiting.items():
            let_go, next_token = self._let_go(queue) if due.held else (False, None)
            if next_token is not None:
                pause = min(pause, max(next_token, FULL_SECONDS))
            if due.seconds > 0 and not let_go:
                pause = min(pause, due.seconds)
            elif not self._fill(queue):
                pause = FULL_SECONDS
        return pause

    def _let_go(self, queue: str) -> tuple[bool, float | None]:
        """Let tasks go that waited for a limit: whether there were any, and seconds until a rate may let more go."""
        with self._runtime.database.transaction() as session:
            released = limits.release(session, queue, after=self._looked.get(queue, ""))
        self._looked[queue] = released.after
        return released.let_go > 0, 0.0 if released.after else released.next_token

    def _fill(self, queue: str) -> bool:
        """Hand over due tasks of the queue; False if its window is full, or many had to be held, before all were."""
        batch = self._settings.dispatch_batch
        held_back = 0
        while (room := min(batch, self._window(queue) - int(self._runtime.redis.llen(queue)))) > 0:
            with self._runtime.database.transaction() as session:
                due = tasks.dispatch(session, queue, room=room)
                held = limits.hold(session, due)
                # Sent before the commit: should either fail, the tasks are still due, and a second message
                # finds nothing to claim.
                self._send(queue, [task for task in due if task.id not in held])
            self.metrics.dispatched += len(due) - len(held)
            held_back += len(held)
            if len(due) < room:
                return True
            if held_back > MAXIMUM_HELD:
                break
        return False

    def _window(self, queue: str) -> int:
        return max(self._settings.dispatch_window, 2 * self._slots(queue))

    def _slots(self, queue: str) -> int:
        return sum(process.slots for process in self._processes if queue in process.queues)

    def _look_around(self) -> None:
        """See who else is there. The dispatcher with the least id leads: it adds up, and tells Prometheus."""
        with self._runtime.database.transaction() as session:
            timeout = self._settings.process_timeout_seconds
            self._processes = queries.live_processes(session, timeout=timeout)
        dispatchers = [process.id for process in self._processes if process.role == "dispatcher"]
        self.metrics.leads = dispatchers[:1] == [self._runtime.name]

    def _send(self, queue: str, due: Sequence[Task]) -> None:
        if not due:
            return
        with spans.dispatching(due) as traceparents:
            members = [
                messages.encoded(task, traceparent=traceparent, time_limit=self._backstop(task))
                for task, traceparent in zip(due, traceparents, strict=True)
            ]
            self._runtime.redis.lpush(queue, *members)

    def _backstop(self, task: Task) -> int | None:
        if task.timeout_seconds is None:
            return None
        return int(task.timeout_seconds + 2 * self._settings.stop_grace_seconds + BACKSTOP_SECONDS)

    def _maintain(self) -> None:
        settings = self._settings
        steps: list[tuple[str, float, Callable[[], object]]] = [
            ("processes", min(settings.process_heartbeat_seconds, 5.0), self._look_around),
            ("rescue", settings.rescue_seconds, lambda: maintenance.rescue(self._runtime)),
            ("reconcile", settings.reconcile_seconds, self._reconciler.run_once),
            ("lapsed", settings.rescue_seconds, lambda: maintenance.drop_lapsed(self._runtime.redis, now=time.time())),
            ("statistics", 1.0, self._add_up),
        ]
        for name, every, step in steps:
            if self._due(name, every):
                step()

    def _due(self, name: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._next_run.get(name, 0.0):
            return False
        self._next_run[name] = now + every
        return True

    def _add_up(self) -> None:
        moved = statistics.BATCH
        while self.metrics.leads and moved == statistics.BATCH and not self._stopping.is_set():
            with self._runtime.database.transaction() as session:
                added = statistics.add_up_events(session, self._horizon)
            self.metrics.remember(added.exemplars)
            moved = added.moved

    def _wait(self, wakes: "redis.client.PubSub", seconds: float) -> None:
        """Until somebody says that something may be due, or the time is over."""
        try:
            if not wakes.subscribed:
                wakes.subscribe(WAKE)
            timeout = seconds
            while wakes.get_message(timeout=timeout) is not None:
                timeout = 0.0
        except redis.RedisError as error:
            self._report(error)
            self._stopping.wait(self._settings.dispatch_poll_seconds)

    def _report(self, error: Exception) -> None:
        if is_outage(error) or isinstance(error, redis.RedisError | OSError):
            log.warning("atropos.dispatcher.service_away", error=str(error).splitlines()[0])
        else:
            log.error("atropos.dispatcher.failed", exc_info=error)


def main() -> None:
    """Run until asked to stop."""
    settings = get_settings()
    configure_logging(settings, process="dispatcher")
    configure_tracing(settings, process="dispatcher")
    here = runtime.start("dispatcher")
    dispatcher = Dispatcher(here)
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, dispatcher.stop)
    REGISTRY.register(dispatcher.metrics)
    serve_probes(settings.probe_port, live=dispatcher.why_dead, ready=dispatcher.why_not_ready)
    presence = Presence(here)
    presence.start()
    retention = Retention(here, leads=lambda: dispatcher.metrics.leads)
    REGISTRY.register(retention)
    retention.start()
    file_sweep = FileSweep(here, leads=lambda: dispatcher.metrics.leads)
    file_sweep.start()
    log.info("atropos.dispatcher.started", name=here.name)
    try:
        dispatcher.run()
    finally:
        file_sweep.stop()
        retention.stop()
        presence.leave()
        shutdown_tracing()


if __name__ == "__main__":
    main()
