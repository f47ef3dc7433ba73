"""`python -m atropos_worker.dispatcher` hands due tasks to Redis. The only way in; any number may run side by side."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

import redis
import structlog
from kombu.exceptions import OperationalError as BrokerError

from atropos_core import queries, tasks
from atropos_core.db import is_outage
from atropos_core.events import WAKE, EventHorizon
from atropos_core.models import Process, Task
from atropos_core.settings import get_settings
from atropos_core.telemetry import configure_logging
from atropos_worker import maintenance, runtime
from atropos_worker.app import EXECUTE, app
from atropos_worker.presence import Presence
from atropos_worker.runtime import Runtime

#: While a queue's window is full and more is due, the dispatcher looks again after this many seconds.
FULL_SECONDS = 0.05
#: A handler that outlives its timeout, its interrupt and its kill holds the interpreter; Celery then kills the
#: child from outside, this many seconds after the timeout and both graces.
BACKSTOP_SECONDS = 30.0

log = structlog.get_logger("atropos.dispatcher")


class Dispatcher:
    """The loop. Every step may fail while a service is away, and is tried again in the next round."""

    def __init__(self, here: Runtime) -> None:
        self._runtime = here
        self._settings = here.settings
        self._stopping = threading.Event()
        self._reconciler = maintenance.Reconciler(here)
        self._horizon = EventHorizon()
        self._workers: Sequence[Process] = ()
        self._next_run: dict[str, float] = {}

    def stop(self, sig: int, _frame: FrameType | None) -> None:
        """End after this round."""
        log.info("atropos.dispatcher.stopping", signal=signal.Signals(sig).name)
        self._stopping.set()

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
                except Exception as error:
                    self._report(error)

    def dispatch(self) -> float:
        """Hand over what is due and fits; returns the seconds after which something may be due again."""
        pause = self._settings.dispatch_poll_seconds
        with self._runtime.database.transaction() as session:
            due_in = queries.seconds_until_due(session)
        for queue, seconds in due_in.items():
            if seconds > 0:
                pause = min(pause, seconds)
            elif not self._fill(queue):
                pause = FULL_SECONDS
        return pause

    def _fill(self, queue: str) -> bool:
        """Hand over due tasks of the queue; False if its window is full before all were."""
        batch = self._settings.dispatch_batch
        while (room := min(batch, self._window(queue) - int(self._runtime.redis.llen(queue)))) > 0:
            with self._runtime.database.transaction() as session:
                due = tasks.dispatch(session, queue, room=room)
                # Sent before the commit: should either fail, the tasks are still due, and a second message
                # finds nothing to claim.
                self._send(queue, due)
            if len(due) < room:
                return True
        return False

    def _window(self, queue: str) -> int:
        return max(self._settings.dispatch_window, 2 * self._slots(queue))

    def _slots(self, queue: str) -> int:
        if self._due("slots", 5.0):
            with self._runtime.database.transaction() as session:
                timeout = self._settings.process_timeout_seconds
                self._workers = queries.live_processes(session, timeout=timeout, role="worker")
        return sum(worker.slots for worker in self._workers if queue in worker.queues)

    def _send(self, queue: str, due: Sequence[Task]) -> None:
        with app.producer_pool.acquire(block=True) as producer:
            for task in due:
                app.send_task(
                    EXECUTE,
                    args=(str(task.id),),
                    task_id=str(task.id),
                    queue=queue,
                    producer=producer,
                    retry=False,
                    time_limit=self._backstop(task),
                )

    def _backstop(self, task: Task) -> int | None:
        if task.timeout_seconds is None:
            return None
        return int(task.timeout_seconds + 2 * self._settings.stop_grace_seconds + BACKSTOP_SECONDS)

    def _maintain(self) -> None:
        steps: list[tuple[str, float, Callable[[], object]]] = [
            ("rescue", self._settings.rescue_seconds, lambda: maintenance.rescue(self._runtime)),
            ("reconcile", self._settings.reconcile_seconds, self._reconciler.run_once),
            (
                "lapsed",
                self._settings.rescue_seconds,
                lambda: maintenance.drop_lapsed(self._runtime.redis, now=time.time()),
            ),
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

    def _drop_lapsed(self) -> None:
        maintenance.drop_lapsed(self._runtime.redis, now=time.time())

    def _add_up(self) -> None:
        moved = maintenance.STATISTICS_BATCH
        while moved == maintenance.STATISTICS_BATCH and not self._stopping.is_set():
            with self._runtime.database.transaction() as session:
                moved = maintenance.add_up_events(session, self._horizon)

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
        if is_outage(error) or isinstance(error, redis.RedisError | BrokerError | OSError):
            log.warning("atropos.dispatcher.service_away", error=str(error).splitlines()[0])
        else:
            log.error("atropos.dispatcher.failed", exc_info=error)


def main() -> None:
    """Run until asked to stop."""
    settings = get_settings()
    configure_logging(settings, process="dispatcher")
    here = runtime.start("dispatcher")
    dispatcher = Dispatcher(here)
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, dispatcher.stop)
    presence = Presence(here)
    presence.start()
    log.info("atropos.dispatcher.started", name=here.name)
    try:
        dispatcher.run()
    finally:
        presence.leave()


if __name__ == "__main__":
    main()
