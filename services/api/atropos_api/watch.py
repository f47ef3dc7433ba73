"""Wakes event streams when their tasks change: one subscription per process, and a timer in case a hint is lost."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from atropos_core.events import CHANGED

#: Seconds after which somebody looks without a hint.
POLL_SECONDS = 1.0

log = structlog.get_logger("atropos.api")


class Watcher:
    """Tells who watches that one task, or any task, changed. Belongs to one event loop."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._watching: dict[str | None, set[asyncio.Event]] = defaultdict(set)
        #: Set when the server is asked to stop: streams end, so that their connections do not hold it up.
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Follow the channel until cancelled, over outages of Redis."""
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as error:
                log.warning("atropos.api.hints_away", error=str(error))
                await asyncio.sleep(POLL_SECONDS)

    async def _follow(self) -> None:
        async with (
            redis.asyncio.Redis.from_url(self._redis_url, decode_responses=True) as client,
            client.pubsub() as hints,
        ):
            await hints.subscribe(CHANGED)
            async for message in hints.listen():
                if message["type"] == "message":
                    self.wake((None, *message["data"].split()))

    def wake(self, keys: Iterable[str | None]) -> None:
        """Wake who watches one of these tasks; None is whoever watches them all."""
        for key in keys:
            for event in self._watching.get(key, ()):
                event.set()

    def stop(self) -> None:
        """End all streams."""
        self.stopping.set()
        self.wake(self._watching)

    @contextmanager
    def watching(self, task_id: UUID | None = None) -> Iterator[asyncio.Event]:
        """An event that is set whenever the task, or any task, may have changed. Clear it before you look."""
        key = None if task_id is None else str(task_id)
        event = asyncio.Event()
        self._watching[key].add(event)
        try:
            yield event
        finally:
            self._watching[key].discard(event)
            if not self._watching[key]:
                del self._watching[key]


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
