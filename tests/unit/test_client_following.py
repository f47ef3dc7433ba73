"""How the client follows a task: event streams that end, break or do not come, outages, the end of patience."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from atropos_client import ApiUnreachable, Event, Observer, StreamUnavailable, TaskCancelled, TaskFailed, TaskStatus
from atropos_client.sse import EventDecoder, ServerSentEvent
from tests.unit.scripted_api import ID, TASK, Answer, ScriptedApi, event, ok, problem, stream

ENDED = TASK | {"status": "completed", "result": {"rows": 1}}
FAILURE = {"reason": "error", "type": "ValueError", "message": "no", "traceback": None, "attempt": 4}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    """An API whose clients hardly pause."""
    monkeypatch.setattr("atropos_client.patience.FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("atropos_client.following.PAUSE_SECONDS", 0.001)
    return ScriptedApi()


class Recorder(Observer):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[int] = []
        self.statuses: list[str] = []
        self.outages = 0

    def show_event(self, event: Event) -> None:
        self.events.append(event["id"])

    def show_status(self, status: TaskStatus) -> None:
        self.statuses.append(status["status"])

    def show_outage(self, _reason: str) -> None:
        self.outages += 1


def wait(api: ScriptedApi, *, patience: float = 30) -> Recorder:
    recorder = Recorder()
    api.connect(patience=patience).wait(ID, observer=recorder)
    return recorder


def streams_opened(api: ScriptedApi) -> list[str | None]:
    """The Last-Event-ID of each stream."""
    opened = [request for request in api.requests if request.url.path.endswith("/events")]
    return [request.headers.get("Last-Event-ID") for request in opened]


def script(api: ScriptedApi, statuses: list[Answer], *streams: Answer, ended: dict[str, Any] = ENDED) -> None:
    api.on(f"GET /tasks/{ID}/status", *statuses)
    api.on(f"GET /tasks/{ID}/events", *streams)
    api.on(f"GET /tasks/{ID}", ok(ended))


@pytest.mark.parametrize("cut", [True, False])
def test_a_stream_that_ends_too_early_goes_on_after_its_last_event(api: ScriptedApi, cut: bool) -> None:
    """Broken or closed by the API: Last-Event-ID makes sure that nothing is missed or shown twice."""
    first, second = event(7, "started", worker="w"), event(9, "completed", seconds=1)
    script(api, [ok(TASK), ok(TASK), ok(ENDED)], stream(first, cut=cut), stream(second))
    assert wait(api).events == [7, 9]
    assert streams_opened(api) == [None, "7"]


def test_a_client_that_has_seen_everything_ends(api: ScriptedApi) -> None:
    """The API answers 204 when there is nothing left to follow."""
    script(api, [ok(TASK), ok(ENDED)], httpx.Response(204))
    assert wait(api).statuses == ["processing", "completed"]


@pytest.mark.parametrize(
    ("streams", "opened"), [(ok({}), 1), (problem(406, "Not Acceptable"), 1), (httpx.ReadTimeout("silent"), 2)]
)
def test_without_a_stream_the_status_is_polled(api: ScriptedApi, streams: Answer, opened: int) -> None:
    """A gateway that swallows streams does not keep anybody from seeing the task through."""
    script(api, [*[ok(TASK)] * 5, ok(ENDED)], streams)
    assert wait(api).statuses == [*["processing"] * 5, "completed"]
    assert len(streams_opened(api)) == opened


def test_a_restart_of_the_api_is_waited_out(api: ScriptedApi) -> None:
    """An API that is away, or behind a gateway that says so, is asked again, and the observer told once."""
    away: list[Answer] = [httpx.ConnectError("refused"), problem(502, "Bad"), httpx.Response(504, text="<html>")]
    script(api, [ok(TASK), *away, ok(ENDED)], stream())
    assert wait(api).outages == 1


def test_an_api_that_stays_away_ends_the_wait(api: ScriptedApi) -> None:
    """After its patience the client gives up."""
    script(api, [ok(TASK), httpx.ConnectError("refused")], stream())
    with pytest.raises(ApiUnreachable, match="refused"):
        wait(api, patience=0)


@pytest.mark.parametrize(
    ("ending", "error"),
    [({"status": "failed", "error": FAILURE}, TaskFailed), ({"status": "cancelled"}, TaskCancelled)],
)
def test_a_task_without_a_result_raises(api: ScriptedApi, ending: dict[str, Any], error: Any) -> None:
    """The error has the whole task; `check=False` returns it instead."""
    script(api, [ok(TASK | ending)], ended=TASK | ending)
    with pytest.raises(error) as raised:
        api.connect().wait(ID)
    assert raised.value.task == TASK | ending
    assert raised.value.error == ending.get("error")
    assert api.connect().wait(ID, check=False) == TASK | ending


def test_a_stream_goes_on_over_broken_connections_until_the_end(api: ScriptedApi) -> None:
    """Without a question for the status: the ending event says it."""
    events = [event(n, kind) for n, kind in enumerate(["submitted", "failed", "retried", "completed"], 1)]
    streams: list[Answer] = [
        stream(*events[:1], cut=True),
        httpx.ConnectError("away"),
        stream(*events[1:3]),
        stream(events[3]),
    ]
    api.on(f"GET /tasks/{ID}/events", *streams)
    assert list(api.connect(patience=30).stream(ID)) == events
    assert streams_opened(api) == [None, "1", "1", "3"]


@pytest.mark.parametrize("answer", [ok({}), httpx.Response(200, text="<html>")])
def test_a_stream_that_does_not_come_through_is_an_error(api: ScriptedApi, answer: Answer) -> None:
    """Who asked for events cannot be given the status instead."""
    api.on(f"GET /tasks/{ID}/events", answer)
    with pytest.raises(StreamUnavailable):
        list(api.connect(patience=30).stream(ID))


def read(chunks: Iterator[bytes]) -> Iterator[ServerSentEvent]:
    decoder = EventDecoder()
    for chunk in chunks:
        yield from decoder.feed(chunk)


def test_events_are_read_as_the_standard_has_it() -> None:
    """Comments are skipped, lines of data joined, ids kept, and an unfinished event is left out."""
    first = ": hi\nid: 1\ndata: a\u2028b\ndata:c\n\n\n"
    text = f"{first}: x\r\ndata\r\n\r\nretry: 5\nevent: e\nid: 2\n\ndata: d\n\ndata: cut"
    expected = [ServerSentEvent("a\u2028b\nc", "1"), ServerSentEvent("", "1"), ServerSentEvent("d", "2")]
    assert list(read(bytes([byte]) for byte in text.encode())) == expected
