"""Whether a worker's parent does its work: its loop turns, and it takes what waits when it has a free slot.

Alive but deaf after a reconnect is how Celery workers on Redis were lost in public trackers; a process that merely
answers would not show it.
"""

import threading
import time
from collections.abc import Callable

import redis
import structlog

from atropos_worker.runtime import Runtime

#: How often the worker looks at itself, in seconds.
LOOK_SECONDS = 5.0
#: A loop that did not turn for this long stands still. Celery pauses at most 30 s between two tries to reconnect.
STILL_SECONDS = 45.0
#: What looks wrong for this long without a break is wrong, in seconds.
SUSPECT_SECONDS = 45.0

log = structlog.get_logger("atropos.worker")


class ConsumerLiveness:
    """Looks at the consumer from a thread of its own. Redis being away is no reason to die: a restart mends nothing."""

    def __init__(self, here: Runtime, *, running: Callable[[], int], taken: Callable[[], int]) -> None:
        self._queues = here.settings.worker_queues
        self._slots = here.settings.worker_concurrency
        self._redis = here.redis
        self._running, self._taken = running, taken
        self._taken_before = 0
        self._turned: float | None = None
        self._connected = self._draining = False
        self._suspicion: tuple[str, float] | None = None
        self._thread = threading.Thread(target=self._keep_looking, name="liveness", daemon=True)

    def tick(self) -> None:
        """The loop turned."""
        if self._turned is None:
            self._thread.start()
        self._turned = time.monotonic()

    def connect(self) -> None:
        """The consumer takes messages from now on."""
        self._connected = True

    def drain(self) -> None:
        """The worker was asked to go: its loop ends, and it takes nothing any more."""
        self._draining = True

    @property
    def draining(self) -> bool:
        """Whether it was asked to go."""
        return self._draining

    @property
    def suspected(self) -> bool:
        """Whether something looked wrong at the last look."""
        return self._suspicion is not None

    def loop_age(self) -> float:
        """Seconds since the loop turned; 0 before it starts."""
        return 0.0 if self._turned is None else time.monotonic() - self._turned

    def why_dead(self) -> str | None:
        """The reason to restart this worker; none while it lives."""
        if self._draining:
            return None
        if self._turned is None:
            return "starting"
        if self._suspicion is not None and time.monotonic() - self._suspicion[1] >= SUSPECT_SECONDS:
            return self._suspicion[0]
        return None

    def why_not_ready(self) -> str | None:
        """The reason why this worker takes no tasks; none while it does."""
        if self._draining:
            return "draining"
        if not self._connected:
            return "not connected to Redis yet"
        return self.why_dead()

    def look(self) -> None:
        """Look once."""
        suspicion = self._suspect(time.monotonic())
        if suspicion is None or self._suspicion is None or suspicion != self._suspicion[0]:
            self._suspicion = None if suspicion is None else (suspicion, time.monotonic())
        elif self.why_dead():
            log.error("atropos.worker.dead", reason=suspicion)

    def _suspect(self, now: float) -> str | None:
        before, self._taken_before = self._taken_before, self._taken()
        try:
            waiting = sum(int(self._redis.llen(queue)) for queue in self._queues)
        except redis.RedisError:
            return None
        if now - (self._turned or now) >= STILL_SECONDS:
            return "the consumer's loop stands still, though Redis answers"
        # Redis answers a blocked BRPOP as soon as its list has something: this cannot last.
        if waiting and self._taken_before == before and self._running() < self._slots:
            return "tasks wait and slots are free, but none is taken"
        return None

    def _keep_looking(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                log.exception("atropos.worker.liveness_failed")
            time.sleep(LOOK_SECONDS)
