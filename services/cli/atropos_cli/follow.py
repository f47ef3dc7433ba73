"""Follows a task until it has ended: by its event stream, or by asking again and again. Called by watch and submit."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol
from uuid import UUID

from atropos_cli.client import ApiUnreachable, AtroposClient, Document, ProblemError, StreamUnavailable

ENDED = frozenset({"completed", "failed", "cancelled"})
#: Seconds between two looks, and before a stream is opened again.
PAUSE_SECONDS = 1.0
#: Seconds for which an API that does not answer is asked again.
PATIENCE_SECONDS = 30.0
#: Streams in a row that broke without an event, after which only polling is left.
FRUITLESS_STREAMS = 2
#: What a gateway answers for an API that restarts, and the API for a database that does.
TEMPORARY = frozenset({502, 503, 504})


class WaitTimeout(Exception):
    """The task had not ended in the time given."""


class Display(Protocol):
    """Where what happens is shown."""

    def show_event(self, event: Document) -> None: ...
    def show_status(self, status: Document) -> None: ...
    def show_outage(self, reason: str) -> None: ...


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise WaitTimeout in the block after `seconds`, wherever it waits, as Ctrl-C would; None means never."""
    if seconds is None:
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise_timeout)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, before)


def _raise_timeout(_number: int, _frame: FrameType | None) -> None:
    raise WaitTimeout


class Follower:
    """One task, followed over restarts of the API and through gateways that hold streams up."""

    def __init__(
        self,
        client: AtroposClient,
        task_id: UUID | str,
        display: Display,
        *,
        pause: float = PAUSE_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._client = client
        self._task_id = task_id
        self._display = display
        self._pause = pause
        self._patience = patience
        self._seen: str | None = None
        self._fruitless = 0

    def run(self) -> Document:
        """The task, whole, once it has ended.

        Raises ProblemError at once for an unknown task, and ApiUnreachable when the API is away for long.
        """
        status = self._client.get_status(self._task_id)
        self._display.show_status(status)
        while status["status"] not in ENDED:
            if self._fruitless < FRUITLESS_STREAMS:
                self._read_stream()
            status = self._patiently(self._client.get_status)
            self._display.show_status(status)
            if status["status"] not in ENDED:
                time.sleep(self._pause)
        return self._patiently(self._client.get_task)

    def _read_stream(self) -> None:
        """Show events until the stream ends or breaks; the next one goes on after the last event."""
        before = self._seen
        try:
            for event_id, event in self._client.events(self._task_id, after=self._seen):
                self._display.show_event(event)
                self._seen = event_id
        except ApiUnreachable:
            self._fruitless = self._fruitless + 1 if self._seen == before else 0
        except StreamUnavailable:
            self._fruitless = FRUITLESS_STREAMS
        except ProblemError as error:
            if error.status not in TEMPORARY:
                self._fruitless = FRUITLESS_STREAMS

    def _patiently(self, call: Callable[[UUID | str], Document]) -> Document:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return call(self._task_id)
            except (ApiUnreachable, ProblemError) as error:
                temporary = isinstance(error, ApiUnreachable) or error.status in TEMPORARY
                if not temporary or time.monotonic() > deadline:
                    raise
                self._display.show_outage(str(error))
                time.sleep(self._pause)
