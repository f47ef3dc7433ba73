"""An API that answers as a test says, and `atropos` run against it; called by the unit tests of the CLI."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from atropos_cli import commands_doctor, exit_codes
from atropos_cli.main import app
from atropos_client import Client

ID = "01a20ce1-db0a-702d-b458-0172c4d1e49d"
OTHER_ID = "01a20ce1-dd3b-73c0-ab05-5a35c8c1379c"
NOW = "2026-11-24T09:00:00Z"
TASK: dict[str, Any] = {
    "task_id": ID,
    "task_type": "default",
    "status": "processing",
    "attempt": 1,
    "max_retries": 3,
    "progress": 0.5,
    "progress_message": None,
    "created_at": NOW,
    "run_at": NOW,
    "started_at": NOW,
    "finished_at": None,
    "cancel_requested_at": None,
    "queue_position": None,
    "labels": {},
    "result": None,
    "error": None,
}
Answer = httpx.Response | Exception | Callable[[], httpx.Response]


def ok(document: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=document)


def problem(status: int, title: str, **more: Any) -> httpx.Response:
    content_type = {"Content-Type": "application/problem+json"}
    document = {"type": "urn:atropos:problem:x", "title": title, "status": status, "detail": "why", **more}
    return httpx.Response(status, json=document, headers=content_type)


class ScriptedApi:
    """Gives each request the next of the answers to its method and path; the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.requests: list[httpx.Request] = []

    def on(self, call: str, *answers: Answer) -> None:
        self.answers[call] = list(answers)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self.answers[f"{request.method} {request.url.path}"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def body(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].content)

    def connect(self, api_url: str = "http://test", *, patience: float = 0) -> Client:
        return Client(api_url, patience=patience, transport=httpx.MockTransport(self.handle))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the commands talk to it."""
        monkeypatch.setattr(exit_codes, "Client", self.connect)
        monkeypatch.setattr(commands_doctor, "Client", self.connect)


def run(*arguments: str, stdin: str | None = None) -> Result:
    names = ("ATROPOS_API_URL", "ATROPOS_DATABASE_URL", "ATROPOS_REDIS_URL", "DATABASE_URL", "REDIS_URL")
    environment = {**dict.fromkeys((*names, "CELERY_BROKER_URL")), "COLUMNS": "120"}
    return CliRunner(env=environment).invoke(app, arguments, input=stdin, catch_exceptions=False)


def event(number: int, kind: str, **data: Any) -> dict[str, Any]:
    return {"id": number, "task_id": ID, "type": kind, "attempt": 1, "at": NOW, "data": data}


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection breaks after its last byte."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("broken")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def stream(*events: dict[str, Any], cut: bool = False) -> httpx.Response:
    content = "".join(f"id: {e['id']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in events).encode()
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    return httpx.Response(200, headers=headers, **({"stream": Cut(content)} if cut else {"content": content}))
