"""`watch`: event streams that end, break or do not come, time limits and Ctrl-C."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from atropos_cli.client import ApiUnreachable, Document
from atropos_cli.follow import Follower
from atropos_cli.sse import ServerSentEvent, read_events
from tests.unit.scripted_api import ID, NOW, TASK, Answer, ScriptedApi, ok, problem, run


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ScriptedApi:
    api = ScriptedApi()
    api.install(monkeypatch)
    return api


def test_a_wait_that_takes_too_long_exits_with_5(api: ScriptedApi) -> None:
    """The time limit interrupts even a silent stream; with --json the task is printed as it stands."""
    api.on(f"GET /tasks/{ID}/status", ok(TASK))
    api.on(f"GET /tasks/{ID}", ok(TASK))
    api.on(f"GET /tasks/{ID}/events", lambda: ok(threading.Event().wait(30)))
    started = time.monotonic()
    result = run("watch", ID, "--wait-timeout", "0.05", "--json")
    assert time.monotonic() - started < 10
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (5, "processing")


def test_control_c_leaves_the_task_running(api: ScriptedApi) -> None:
    """The exit code is the shell's for Ctrl-C, and the user learns that the task goes on."""

    def interrupt() -> httpx.Response:
        raise KeyboardInterrupt

    api.on(f"GET /tasks/{ID}/status", ok(TASK))
    api.on(f"GET /tasks/{ID}/events", interrupt)
    result = run("watch", ID)
    assert (result.exit_code, len(api.requests)) == (130, 2)
    assert result.stderr.endswith(f"Task {ID} goes on. Look again: atropos watch {ID}\n")


ENDED = TASK | {"status": "completed", "result": {"rows": 1}}


def event(number: int, kind: str, **data: Any) -> dict[str, Any]:
    return {"id": number, "task_id": ID, "type": kind, "attempt": 1, "at": NOW, "data": data}


class Cut(httpx.SyncByteStream):
    """A stream whose connection breaks after its last event."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("broken")


def stream(*events: dict[str, Any], cut: bool = False) -> httpx.Response:
    content = "".join(f"id: {e['id']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in events).encode()
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    return httpx.Response(200, headers=headers, **({"stream": Cut(content)} if cut else {"content": content}))


class Recorder:
    """A display that remembers."""

    def __init__(self) -> None:
        self.events: list[int] = []
        self.statuses: list[str] = []
        self.outages = 0

    def show_event(self, event: Document) -> None:
        self.events.append(event["id"])

    def show_status(self, status: Document) -> None:
        self.statuses.append(status["status"])

    def show_outage(self, _reason: str) -> None:
        self.outages += 1


def follow(api: ScriptedApi, *, patience: float = 30) -> Recorder:
    recorder = Recorder()
    Follower(api.connect("http://test"), ID, recorder, pause=0, patience=patience).run()
    return recorder


def streams_opened(api: ScriptedApi) -> list[str | None]:
    """The Last-Event-ID of each stream."""
    opened = [request for request in api.requests if request.url.path.endswith("/events")]
    return [request.headers.get("Last-Event-ID") for request in opened]


def script(api: ScriptedApi, statuses: list[Answer], *streams: Answer) -> None:
    api.on(f"GET /tasks/{ID}/status", *statuses)
    api.on(f"GET /tasks/{ID}/events", *streams)
    api.on(f"GET /tasks/{ID}", ok(ENDED))


def test_watch_shows_progress_and_prints_the_result(api: ScriptedApi) -> None:
    """Progress goes to standard error in steps of a tenth, the result to standard output."""
    worker = {"worker": "w\u2028[b]"}
    steps = [event(n, "progressed", progress=n / 100, message=f"step {n}") for n in (9, 20, 21, 90)]
    script(api, [ok(TASK | {"progress": 0}), ok(ENDED)], stream(event(1, "started", **worker), *steps))
    result = run("watch", ID)
    assert (result.exit_code, result.stdout) == (0, '{\n  "rows": 1\n}\n')
    assert result.stderr == "attempt 1 started on w\u2028[b]\n20% step 20\n90% step 90\n"


@pytest.mark.parametrize("cut", [True, False])
def test_a_stream_that_ends_too_early_goes_on_after_its_last_event(api: ScriptedApi, cut: bool) -> None:
    """Broken or closed by the API: Last-Event-ID makes sure that nothing is missed or shown twice."""
    first, second = event(7, "started", worker="w"), event(9, "completed", seconds=1)
    script(api, [ok(TASK), ok(TASK), ok(ENDED)], stream(first, cut=cut), stream(second))
    assert follow(api).events == [7, 9]
    assert streams_opened(api) == [None, "7"]


def test_a_client_that_has_seen_everything_ends(api: ScriptedApi) -> None:
    """The API answers 204 when there is nothing left to follow."""
    script(api, [ok(TASK), ok(ENDED)], httpx.Response(204))
    assert follow(api).statuses == ["processing", "completed"]


@pytest.mark.parametrize(
    ("streams", "opened"), [(ok({}), 1), (problem(406, "Not Acceptable"), 1), (httpx.ReadTimeout("silent"), 2)]
)
def test_without_a_stream_the_status_is_polled(api: ScriptedApi, streams: Answer, opened: int) -> None:
    """A gateway that swallows streams does not keep anybody from seeing the task through."""
    script(api, [*[ok(TASK)] * 5, ok(ENDED)], streams)
    assert follow(api).statuses == [*["processing"] * 5, "completed"]
    assert len(streams_opened(api)) == opened


def test_a_restart_of_the_api_is_waited_out(api: ScriptedApi) -> None:
    """An API that is away, or behind a gateway that says so, is asked again."""
    away: list[Answer] = [httpx.ConnectError("refused"), problem(503, "Unavailable"), httpx.ConnectError("refused")]
    script(api, [ok(TASK), *away, ok(ENDED)], stream())
    assert follow(api).outages == 3


def test_an_api_that_stays_away_ends_the_wait(api: ScriptedApi) -> None:
    """After its patience the follower gives up."""
    script(api, [ok(TASK), httpx.ConnectError("refused")], stream())
    with pytest.raises(ApiUnreachable, match="refused"):
        follow(api, patience=0)


def test_events_are_read_as_the_standard_has_it() -> None:
    """Comments are skipped, lines of data joined, ids kept, and an unfinished event is left out."""
    first = ": hi\nid: 1\ndata: a\u2028b\ndata:c\n\n\n"
    text = f"{first}: x\r\ndata\r\n\r\nretry: 5\nevent: e\nid: 2\n\ndata: d\n\ndata: cut"
    chunks = [bytes([byte]) for byte in text.encode()]
    expected = [ServerSentEvent("a\u2028b\nc", "1"), ServerSentEvent("", "1"), ServerSentEvent("d", "2")]
    assert list(read_events(chunks)) == expected
