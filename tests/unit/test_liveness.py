"""What a worker's parent concludes from its loop and its queues, with a scripted Redis and clock."""

from types import SimpleNamespace

import pytest
import redis

from atropos_core.settings import Settings
from atropos_worker import liveness
from atropos_worker.liveness import STILL_SECONDS, SUSPECT_SECONDS, ConsumerLiveness
from atropos_worker.runtime import Runtime

DEAF = "tasks wait and slots are free, but none is taken"
STILL = "the consumer's loop stands still, though Redis answers"


class Redis:
    """Lists with so many ids, or a server that is away."""

    def __init__(self) -> None:
        self.waiting: dict[str, int] = {}
        self.away = False

    def llen(self, queue: str) -> int:
        if self.away:
            raise redis.ConnectionError("away")
        return self.waiting.get(queue, 0)


class Worker:
    """A worker of two slots and two queues at a scripted time; `liveness` looks when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.running = self.taken = 0
        self.redis = Redis()
        here = Runtime(Settings(worker_queues=("default", "large"), worker_concurrency=2), "worker@test:1")
        here.redis = self.redis
        self.liveness = ConsumerLiveness(here, running=lambda: self.running, taken=lambda: self.taken)

    def start(self) -> None:
        self.liveness.tick()
        self.liveness.connect()

    def pass_time(self, seconds: float, *, ticks: bool = True) -> str | None:
        """Look every second for so long, with a loop that turns or not; then, why it is dead."""
        for _ in range(int(seconds)):
            self.now += 1
            if ticks:
                self.liveness.tick()
            self.liveness.look()
        return self.liveness.why_dead()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """One that does not look by itself."""
    monkeypatch.setattr(ConsumerLiveness, "_keep_looking", lambda _: None)
    worker = Worker()
    monkeypatch.setattr(liveness, "time", SimpleNamespace(monotonic=lambda: worker.now))
    return worker


def test_a_worker_that_starts_is_not_alive_yet(worker: Worker) -> None:
    """Until its loop turns for the first time; the probe of the start waits for that."""
    fresh = ConsumerLiveness(Runtime(Settings(), "worker@test:2"), running=lambda: 0, taken=lambda: 0)
    assert (fresh.why_dead(), fresh.why_not_ready()) == ("starting", "not connected to Redis yet")
    fresh.tick()
    assert fresh.why_dead() is None


def test_a_worker_is_ready_once_it_is_connected(worker: Worker) -> None:
    """A loop that turns without Redis is alive and takes no tasks."""
    worker.liveness.tick()
    assert (worker.liveness.why_dead(), worker.liveness.why_not_ready()) == (None, "not connected to Redis yet")
    worker.liveness.connect()
    assert worker.liveness.why_not_ready() is None


def test_an_idle_worker_stays_alive(worker: Worker) -> None:
    """With nothing to take, taking nothing is right."""
    worker.start()
    assert worker.pass_time(1000) is None


def test_a_still_loop_is_dead(worker: Worker) -> None:
    """After it stood still for so long, and looked so for as long again; then it is not ready either."""
    worker.start()
    assert worker.pass_time(STILL_SECONDS + SUSPECT_SECONDS - 1, ticks=False) is None
    assert worker.pass_time(1, ticks=False) == STILL
    assert worker.liveness.why_not_ready() == STILL


def test_a_loop_that_turns_again_is_alive(worker: Worker) -> None:
    """A worker that was called dead and came back before it was restarted is not restarted."""
    worker.start()
    worker.pass_time(STILL_SECONDS + SUSPECT_SECONDS, ticks=False)
    assert worker.pass_time(1) is None


def test_a_still_loop_does_not_count_while_redis_is_away(worker: Worker) -> None:
    """Celery waits for Redis in its loop: to start anew would mend nothing."""
    worker.start()
    worker.redis.away = True
    assert worker.pass_time(1000, ticks=False) is None


def test_after_redis_came_back_the_loop_has_time_to_turn(worker: Worker) -> None:
    """Counted from the first answer: Celery pauses between two tries to reconnect."""
    worker.start()
    worker.redis.away = True
    worker.pass_time(1000, ticks=False)
    worker.redis.away = False
    assert worker.pass_time(SUSPECT_SECONDS, ticks=False) is None
    assert worker.pass_time(1, ticks=False) == STILL


@pytest.mark.parametrize("queue", ["default", "large"])
def test_a_deaf_worker_is_dead(queue: str, worker: Worker) -> None:
    """Tasks wait in one of its queues, a slot is free, and none was taken for too long."""
    worker.start()
    worker.running = 1
    worker.redis.waiting = {queue: 3}
    assert worker.pass_time(SUSPECT_SECONDS) is None
    assert worker.pass_time(1) == DEAF


def test_tasks_of_other_queues_may_wait(worker: Worker) -> None:
    """They are for other workers."""
    worker.start()
    worker.redis.waiting = {"elsewhere": 3}
    assert worker.pass_time(1000) is None


def test_a_worker_without_a_free_slot_is_not_deaf(worker: Worker) -> None:
    """A long task in each slot takes nothing, and that is right."""
    worker.start()
    worker.running, worker.redis.waiting = 2, {"default": 3}
    assert worker.pass_time(1000) is None


def test_a_worker_that_takes_tasks_is_not_deaf(worker: Worker) -> None:
    """However long the queue is."""
    worker.start()
    worker.redis.waiting = {"default": 1000}
    for _ in range(30):
        worker.taken += 1
        assert worker.pass_time(SUSPECT_SECONDS - 1) is None


@pytest.mark.parametrize("interruption", ["taken", "away", "nothing waits", "busy"])
def test_a_suspicion_counts_from_its_last_break(interruption: str, worker: Worker) -> None:
    """A single look at which all was well, or nothing could be told, starts the time anew."""
    worker.start()
    worker.redis.waiting = {"default": 3}
    worker.pass_time(SUSPECT_SECONDS)
    worker.taken += interruption == "taken"
    worker.running = 2 if interruption == "busy" else 0
    worker.redis.away = interruption == "away"
    worker.redis.waiting = {} if interruption == "nothing waits" else {"default": 3}
    assert worker.pass_time(1) is None
    worker.running, worker.redis.away, worker.redis.waiting = 0, False, {"default": 3}
    assert worker.pass_time(SUSPECT_SECONDS) is None
    assert worker.pass_time(1) == DEAF


def test_another_suspicion_counts_anew(worker: Worker) -> None:
    """A worker that was deaf is given the time of a still loop once its loop stands still."""
    worker.start()
    worker.redis.waiting = {"default": 3}
    worker.pass_time(SUSPECT_SECONDS - STILL_SECONDS + 1)
    assert worker.pass_time(STILL_SECONDS - 1, ticks=False) is None
    assert worker.pass_time(SUSPECT_SECONDS, ticks=False) is None
    assert worker.pass_time(1, ticks=False) == STILL


def test_a_draining_worker_is_alive_and_not_ready(worker: Worker) -> None:
    """It takes nothing any more and its loop ends, as it should: its tasks must not be killed for that."""
    worker.start()
    worker.liveness.drain()
    worker.redis.waiting = {"default": 3}
    assert worker.pass_time(1000, ticks=False) is None
    assert worker.liveness.why_not_ready() == "draining"


def test_a_worker_that_drains_before_it_started_is_alive(worker: Worker) -> None:
    """It was asked to go while it came up."""
    worker.liveness.drain()
    assert (worker.liveness.why_dead(), worker.liveness.why_not_ready()) == (None, "draining")
