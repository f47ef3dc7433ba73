"""Calls that see a task through: its events, its log lines, its end; over restarts of the API, and without streams."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import cast

from atropos_client.documents import ENDED, Event, LogLine, Task, TaskStatus
from atropos_client.errors import ApiUnreachable, AtroposError, StreamUnavailable, raise_unsuccessful
from atropos_client.patience import Deadline
from atropos_client.requests import Id, path_of
from atropos_client.sse import EventDecoder
from atropos_client.tasks import TaskCalls

#: Seconds of silence after which a stream is taken for broken; the API sends a comment every 15.
STREAM_SILENCE_SECONDS = 20.0
#: Seconds between two looks, and before a stream is opened again.
PAUSE_SECONDS = 1.0
#: Streams in a row that broke without an event, after which only polling is left.
FRUITLESS_STREAMS = 2
#: Lines asked for in one call: as many as the API gives.
LOG_PAGE = 1000


class Observer:
    """Is told what `wait` sees. Its methods do nothing; override those that you need."""

    def show_status(self, status: TaskStatus) -> None:
        """Where the task stands, at first and whenever no event tells."""

    def show_event(self, event: Event) -> None:
        """What happens to it."""

    def show_outage(self, reason: str) -> None:
        """The API is away, and will be asked again."""


class FollowingCalls(TaskCalls):
    """The calls that take as long as the task does."""

    async def wait(
        self, task_id: Id, *, timeout: float | None = None, check: bool = True, observer: Observer | None = None
    ) -> Task:
        """The task, whole, once it has ended.

        Raises TaskFailed or TaskCancelled unless it completed, or `check` is false; WaitTimeout when it has not ended
        after `timeout` seconds.
        """
        patience = self.with_options(on_outage=observer.show_outage) if observer else self
        calls = patience._until(None if timeout is None else Deadline(timeout))
        task = await calls._wait(task_id, observer or Observer())
        if check:
            raise_unsuccessful(task)
        return task

    async def _wait(self, task_id: Id, observer: Observer) -> Task:
        stream = _EventStream(self, task_id)
        status = await self.get_status(task_id)
        observer.show_status(status)
        while status["status"] not in ENDED:
            if stream.fruitless < FRUITLESS_STREAMS:
                async with aclosing(stream.read()) as events:
                    async for event in events:
                        observer.show_event(event)
            status = await self.get_status(task_id)
            observer.show_status(status)
            if status["status"] not in ENDED:
                await self._sleep(PAUSE_SECONDS)
        return await self.get_task(task_id)

    async def stream(self, task_id: Id, *, after: str | None = None) -> AsyncGenerator[Event, None]:
        """The events of a task, all or those after one id, live until it has ended.

        Goes on after the last one when the connection breaks. Raises StreamUnavailable where no stream gets through.
        """
        stream = _EventStream(self, task_id, after)
        outage = self._outage()
        while not stream.ended:
            before = stream.seen
            async with aclosing(stream.read()) as events:
                async for event in events:
                    outage.over()
                    yield event
            if stream.error:
                await self._sleep(outage.pause_after(stream.error))
            elif stream.seen == before and not stream.ended:
                await self._sleep(PAUSE_SECONDS)

    async def logs(
        self, task_id: Id, *, attempt: int | None = None, follow: bool = False
    ) -> AsyncGenerator[LogLine, None]:
        """What the task's handler logged, oldest first; with `follow` on until the task has ended."""
        query: dict[str, str | int] = {"limit": LOG_PAGE}
        if attempt:
            query["attempt"] = attempt
        while True:
            # The status is older than the page: the last lines are stored together with the end.
            last = not follow or (await self.get_status(task_id))["status"] in ENDED
            while True:
                page = await self.log_page(task_id, query)
                for line in page["lines"]:
                    yield line
                if page["next_cursor"]:
                    query["after"] = page["next_cursor"]
                if len(page["lines"]) < LOG_PAGE:
                    break
            if last:
                return
            await self._sleep(PAUSE_SECONDS)


class _EventStream:
    """The events of one task, over as many connections as it takes."""

    def __init__(self, calls: FollowingCalls, task_id: Id, after: str | None = None) -> None:
        self._calls = calls
        self._task_id = task_id
        #: The id of the last event.
        self.seen = after
        #: Connections in a row that brought nothing.
        self.fruitless = 0
        #: There are no more events.
        self.ended = False
        #: Why the last connection ended too early.
        self.error: AtroposError | None = None

    async def read(self) -> AsyncGenerator[Event, None]:
        """The events of one connection, after those seen before."""
        before, self.error = self.seen, None
        try:
            async with aclosing(self._connect()) as events:
                async for event in events:
                    self.ended = event["type"] in ENDED
                    yield event
        except AtroposError as error:
            self.error, self.ended = error, False
            if isinstance(error, ApiUnreachable):
                self.fruitless = self.fruitless + 1 if self.seen == before else 0
            elif not error.temporary:
                self.fruitless = FRUITLESS_STREAMS

    async def _connect(self) -> AsyncGenerator[Event, None]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.seen} if self.seen else {})
        silence = self._calls._patience.within(STREAM_SILENCE_SECONDS)
        path = path_of("tasks", self._task_id, "events")
        async with self._calls._open("GET", path, seconds=silence, headers=headers) as response:
            if response.status_code == HTTPStatus.NO_CONTENT:
                self.ended = True
                return
            if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise StreamUnavailable(f"{response.url} is no event stream")
            decoder = EventDecoder()
            async for chunk in self._calls._connection.chunks(response):
                for event in decoder.feed(chunk):
                    self.seen = event.id
                    yield cast(Event, json.loads(event.data))
                # A silence would now last beyond the deadline: a new connection breaks off in time.
                if self._calls._patience.within(silence) < silence - 1:
                    return
