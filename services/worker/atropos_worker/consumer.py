"""What the rest of the worker's parent may know of Celery's consumer: that its loop turns, and what it holds."""

from collections.abc import Callable
from typing import Any

from celery import bootsteps
from celery.worker import state

#: How often the loop says that it turns, in seconds.
TICK_SECONDS = 1.0


def running() -> int:
    """Tasks that the pool runs now."""
    return len(state.active_requests)


def taken() -> int:
    """Messages taken from Redis since the start."""
    return sum(state.total_count.values())


_pool: Any = None


def children() -> list[int]:
    """The process ids of the slots; empty before the pool is there, and after it went."""
    try:
        return [process.pid for process in _pool._pool._pool]
    except AttributeError:
        return []


def loop_tick(*ticks: Callable[[], None]) -> type[bootsteps.StartStopStep]:
    """A bootstep that calls each of `ticks` from the consumer's event loop, for the whole life of the worker.

    The timer belongs to the loop, not to a connection: it goes on after Redis was away, and stands still exactly
    when the loop does. It starts after the pool.
    """

    class LoopTick(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

        def start(self, parent: Any) -> None:
            global _pool
            _pool = parent.pool
            for tick in ticks:
                tick()
                parent.timer.call_repeatedly(TICK_SECONDS, tick, priority=10)

    return LoopTick
