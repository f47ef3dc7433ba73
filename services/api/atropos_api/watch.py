"""Wakes event streams when their tasks change: one subscription per process, and a timer in case a hint is lost."""

import asyncio
from collections import defaultdict
from uuid import UUID

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from atropos_core.events import CHANGED

#: Seconds after which a stream looks by itself.
POLL_SECONDS = 1.0

log = structlog.get_logger("atropos.api")


class Watcher:
    """Tells streams that one task, or any task, changed. Belongs to one event loop."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._waiting: dict[str | None, set[asyncio.Future[None]]] = defaultdict(set)
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
                    self._wake(message["data"].split())

    def _wake(self, task_ids: list[str]) -> None:
        for key in (None, *task_ids):
            for future in self._waiting.pop(key, ()):
                if not future.done():
                    future.set_result(None)

    def stop(self) -> None:
        """End all streams."""
        self.stopping.set()
        self._wake([key for key in self._waiting if key is not None])

    async def changed(self, task_id: UUID | None = None) -> None:
        """Return when the task (or any task) may have changed: on a hint, or after POLL_SECONDS."""
        key = None if task_id is None else str(task_id)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[key].add(future)
        try:
            await asyncio.wait_for(future, POLL_SECONDS)
        except TimeoutError:
            pass
        finally:
            waiting = self._waiting.get(key)
            if waiting is not None:
                waiting.discard(future)
                if not waiting:
                    del self._waiting[key]
