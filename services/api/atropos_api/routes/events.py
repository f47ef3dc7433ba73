"""Server-sent events: what happens to one task, or to all, live and without a gap after a reconnect."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from atropos_api.deps import DatabaseDep, SettingsDep
from atropos_api.problems import StreamFinished
from atropos_api.schemas import EventView
from atropos_api.watch import Watcher
from atropos_core import queries
from atropos_core.db import Database
from atropos_core.errors import CursorInvalid
from atropos_core.events import EventHorizon, read_events, read_task_events
from atropos_core.lifecycle import ENDED, ENDING_EVENTS
from atropos_core.models import Event

#: Events read at once.
PAGE = 500
#: Milliseconds after which a client reconnects.
RECONNECT_MILLISECONDS = 1000
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


def _following(task_id: UUID, database: DatabaseDep, after: LastEventId) -> UUID:
    """The task to follow. Raises TaskNotFound, and StreamFinished when the client has seen everything."""
    with database.transaction() as session:
        task = queries.get_task(session, task_id)
        if task.status in ENDED and after and not read_task_events(session, task_id, after=after, limit=1):
            raise StreamFinished
    return task_id


def _server_sent(event: Event) -> ServerSentEvent:
    return ServerSentEvent(data=EventView.of(event), id=str(event.id), retry=RECONNECT_MILLISECONDS)


@router.get("/tasks/{task_id}/events", response_class=EventSourceResponse)
async def follow_task(
    task_id: Annotated[UUID, Depends(_following)],
    after: LastEventId,
    database: DatabaseDep,
    watcher: WatcherDep,
    settings: SettingsDep,
) -> AsyncIterator[ServerSentEvent]:
    """Everything that happened to a task and happens from now on; the stream ends when the task has ended."""
    position = after or 0
    deadline = time.monotonic() + settings.stream_seconds
    while not watcher.stopping.is_set() and time.monotonic() < deadline:
        events = await run_in_threadpool(_read_task, database, task_id, position)
        for event in events:
            yield _server_sent(event)
            position = event.id
        if events and events[-1].type in ENDING_EVENTS:
            return
        if len(events) < PAGE:
            await watcher.changed(task_id)


@router.get("/events", response_class=EventSourceResponse)
async def follow_all(
    after: LastEventId, database: DatabaseDep, watcher: WatcherDep, settings: SettingsDep
) -> AsyncIterator[ServerSentEvent]:
    """Everything that happens to any task, from now on or after `Last-Event-ID`."""
    horizon = EventHorizon()
    position = after if after is not None else await run_in_threadpool(_horizon, database, horizon)
    yield ServerSentEvent(comment="following", id=str(position), retry=RECONNECT_MILLISECONDS)
    deadline = time.monotonic() + settings.stream_seconds
    while not watcher.stopping.is_set() and time.monotonic() < deadline:
        events = await run_in_threadpool(_read_all, database, horizon, position)
        for event in events:
            yield _server_sent(event)
            position = event.id
        if len(events) < PAGE:
            await watcher.changed()


def _read_task(database: Database, task_id: UUID, after: int) -> Sequence[Event]:
    with database.transaction() as session:
        return read_task_events(session, task_id, after=after, limit=PAGE)


def _horizon(database: Database, horizon: EventHorizon) -> int:
    with database.transaction() as session:
        return horizon.advance(session)


def _read_all(database: Database, horizon: EventHorizon, after: int) -> Sequence[Event]:
    with database.transaction() as session:
        return read_events(session, after=after, up_to=horizon.advance(session), limit=PAGE)
