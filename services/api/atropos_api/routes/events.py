"""Server-sent events: what happens to one task, or to all, live and without a gap after a reconnect."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from atropos_api.deps import DatabaseDep, SettingsDep
from atropos_api.feed import PAGE, RECONNECT_MILLISECONDS, Feed, server_sent
from atropos_api.problems import StreamFinished
from atropos_api.watch import Watcher, wait
from atropos_core import queries
from atropos_core.db import Database
from atropos_core.errors import CursorInvalid
from atropos_core.events import read_task_events
from atropos_core.lifecycle import ENDED, ENDING_EVENTS
from atropos_core.models import Event

#: Seconds after which a silent stream says that it is there.
PING_SECONDS = 15.0
#: Seconds after which the stream of one task looks by itself; the feed wakes it sooner, whether a hint comes or not.
LOOK_SECONDS = 5.0
#: Nothing on the way may keep parts of a stream.
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
GREATEST_ID = (1 << 63) - 1

router = APIRouter(tags=["events"])


def last_event_id(
    header: Annotated[
        str | None, Header(alias="Last-Event-ID", description="Sent by a client that reconnects.")
    ] = None,
    query: Annotated[str | None, Query(alias="last_event_id", description="The same, for a first connection.")] = None,
) -> int | None:
    """The id after which to go on."""
    given = header or query
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or int(given[:20]) > GREATEST_ID:
        raise CursorInvalid(f"{given[:40]!r} is not an event id.")
    return int(given)


LastEventId = Annotated[int | None, Depends(last_event_id)]


def get_watcher(request: Request) -> Watcher:
    """What wakes the streams."""
    return cast(Watcher, request.app.state.watcher)


WatcherDep = Annotated[Watcher, Depends(get_watcher)]


class EventStream(StreamingResponse):
    """Server-sent events, made by us. FastAPI's own would serialize each event anew for each stream."""

    media_type = "text/event-stream"


async def get_feed(request: Request) -> AsyncIterator[Feed]:
    """The feed, with a place for one stream in it as long as the answer takes. Raises HTTPException (503)."""
    feed = cast(Feed, request.app.state.feed)
    with feed.stream():
        yield feed


FeedDep = Annotated[Feed, Depends(get_feed)]


def _following(task_id: UUID, database: DatabaseDep, after: LastEventId) -> UUID:
    """The task to follow. Raises TaskNotFound, and StreamFinished when the client has seen everything."""
    with database.transaction() as session:
        task = queries.get_task(session, task_id)
        if task.status in ENDED and after and not read_task_events(session, task_id, after=after, limit=1):
            raise StreamFinished
    return task_id


@router.get("/tasks/{task_id}/events", response_class=EventStream)
async def follow_task(
    task_id: Annotated[UUID, Depends(_following)],
    after: LastEventId,
    database: DatabaseDep,
    watcher: WatcherDep,
    settings: SettingsDep,
    _feed: FeedDep,
) -> EventStream:
    """Everything that happened to a task and happens from now on; the stream ends when the task has ended."""
    stream = _task(task_id, after or 0, database, watcher, seconds=settings.stream_seconds)
    return EventStream(stream, headers=HEADERS)


async def _task(
    task_id: UUID, position: int, database: Database, watcher: Watcher, *, seconds: float
) -> AsyncIterator[bytes]:
    started = spoke = time.monotonic()
    # An outage of the database ends the stream: the client comes back with the id it has seen.
    with suppress(SQLAlchemyError), watcher.watching(task_id) as changed:
        while not watcher.stopping.is_set() and time.monotonic() - started < seconds:
            changed.clear()
            events = await run_in_threadpool(_read_task, database, task_id, position)
            if events or time.monotonic() - spoke >= PING_SECONDS:
                yield b"".join(text for _, text in server_sent(events)) or KEEPALIVE_COMMENT
                spoke = time.monotonic()
            if events:
                position = events[-1].id
                if events[-1].type in ENDING_EVENTS:
                    return
            if len(events) < PAGE:
                await wait(changed, min(LOOK_SECONDS, seconds))


def _start(request: Request, after: LastEventId) -> int:
    """Where to begin, known before the answer does: a client that sees its stream open misses nothing from then on."""
    return after if after is not None else cast(Feed, request.app.state.feed).now()


@router.get("/events", response_class=EventStream)
async def follow_all(
    start: Annotated[int, Depends(_start)], watcher: WatcherDep, settings: SettingsDep, feed: FeedDep
) -> EventStream:
    """Everything that happens to any task, from now on or after `Last-Event-ID`."""
    return EventStream(_all(start, feed, watcher, seconds=settings.stream_seconds), headers=HEADERS)


async def _all(position: int, feed: Feed, watcher: Watcher, *, seconds: float) -> AsyncIterator[bytes]:
    started = time.monotonic()
    yield format_sse_event(comment="following", id=str(position), retry=RECONNECT_MILLISECONDS)
    with suppress(SQLAlchemyError):
        while not watcher.stopping.is_set() and time.monotonic() - started < seconds:
            position, events = await feed.after(position, seconds=min(PING_SECONDS, seconds))
            yield events or KEEPALIVE_COMMENT


def _read_task(database: Database, task_id: UUID, after: int) -> Sequence[Event]:
    with database.transaction() as session:
        return read_task_events(session, task_id, after=after, limit=PAGE)
