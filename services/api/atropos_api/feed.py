"""Reads the event log once for all event streams of this process, however many there are."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from itertools import takewhile

import structlog
from fastapi import HTTPException
from fastapi.sse import format_sse_event
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from atropos_api.deps import LISTINGS
from atropos_api.schemas import EventView
from atropos_api.watch import POLL_SECONDS, Watcher, wait
from atropos_core.db import Database
from atropos_core.events import EventHorizon, read_events
from atropos_core.models import Event
from atropos_core.statistics import added_up_to

#: Events read at once, and the newest ones that are kept in memory.
PAGE = 500
#: Milliseconds after which a client reconnects.
RECONNECT_MILLISECONDS = 1000
#: Rest between two readings, in seconds for each stream: 1,000 streams are written to twice a second at most.
REST_SECONDS = 0.0005

log = structlog.get_logger("atropos.api")


def server_sent(events: Sequence[Event]) -> Iterator[tuple[int, bytes]]:
    """Each event with its id, as it goes over the wire."""
    for event in events:
        data = EventView.of(event).model_dump_json()
        yield event.id, format_sse_event(data_str=data, id=str(event.id), retry=RECONNECT_MILLISECONDS)


class Feed:
    """What happens to any task, for streams; tasks that are followed alone are woken by it too."""

    def __init__(self, database: Database, watcher: Watcher, *, maximum: int) -> None:
        self._database = database
        self._watcher = watcher
        self._maximum = maximum
        self._streams = 0
        self._wanted = asyncio.Event()
        self._horizon = EventHorizon()
        #: The newest events, without a gap: all after `_floor`, up to `_position`.
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=PAGE)
        self._floor = self._position = 0
        #: Whether they are kept; without streams they are not.
        self._reads = False
        self._news = asyncio.Event()
        #: Streams that begin long ago wait for each other, so that nobody else has to wait for them.
        self._catching_up = asyncio.Semaphore(LISTINGS)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """A place for one stream. Raises HTTPException (503) when there are too many."""
        if self._streams >= self._maximum:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "Too many event streams. Try again.")
        self._streams += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._streams -= 1

    async def run(self) -> None:
        """Read while there are streams, until the server stops, over outages of the database."""
        with self._watcher.watching() as changed:
            while not self._watcher.stopping.is_set():
                if not self._streams:
                    self._reads = False
                    self._wanted.clear()
                    await self._wanted.wait()
                changed.clear()
                if not await self._advance():
                    await wait(changed, POLL_SECONDS)
                await asyncio.sleep(min(REST_SECONDS * self._streams, POLL_SECONDS))
        self._tell()

    async def _advance(self) -> bool:
        """Read what is new; whether there may be more."""
        try:
            if not self._reads:
                self._floor = self._position = await run_in_threadpool(self.now)
                self._recent.clear()
                self._reads = True
            events = await run_in_threadpool(self._read, self._position)
        except SQLAlchemyError as error:
            log.warning("atropos.api.feed_away", error=str(getattr(error, "orig", error)))
            return False
        for identified in server_sent(events):
            if len(self._recent) == PAGE:
                self._floor = self._recent[0][0]
            self._recent.append(identified)
        if events:
            self._position = events[-1].id
            self._tell()
            self._watcher.wake({str(event.task_id) for event in events})
        return len(events) == PAGE

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def now(self) -> int:
        """Where a stream begins that asks for what happens from now on."""
        if self._reads:
            return self._position
        with self._database.transaction() as session:
            # A new horizon knows nothing while any transaction is open; how far the log was added up is safe always.
            return max(EventHorizon().advance(session), added_up_to(session))

    def _read(self, after: int) -> Sequence[Event]:
        with self._database.transaction() as session:
            return read_events(session, after=after, up_to=self._horizon.advance(session), limit=PAGE)

    def _read_older(self, after: int) -> list[tuple[int, bytes]]:
        with self._database.transaction() as session:
            return list(server_sent(read_events(session, after=after, up_to=self._position, limit=PAGE)))

    async def after(self, position: int, *, seconds: float) -> tuple[int, bytes]:
        """What follows on this event, and the id it goes up to; nothing if nothing happens for so many seconds."""
        if not (found := await self._found(position)):
            await wait(self._news, seconds)
            found = await self._found(position)
        return found[-1][0] if found else position, b"".join(text for _, text in found)

    async def _found(self, position: int) -> list[tuple[int, bytes]]:
        if position < self._floor:
            async with self._catching_up:
                return await run_in_threadpool(self._read_older, position)
        newer = takewhile(lambda identified: identified[0] > position, reversed(self._recent))
        return list(newer)[::-1]
