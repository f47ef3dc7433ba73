"""The HTTP API as Python calls, a method each; called by every command, and fit for other programs."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

import httpx

from atropos_cli.sse import read_events

DEFAULT_URL = "http://127.0.0.1:8000"
#: Seconds that one answer may take; the API itself gives up on the database after 10.
REQUEST_SECONDS = 30.0
#: Seconds of silence after which a stream is taken for broken; the API sends a comment every 15.
STREAM_SILENCE_SECONDS = 20.0
CONNECT_SECONDS = 5.0

#: A JSON object as the API sent it; its fields are in the API's OpenAPI document.
Document = dict[str, Any]


class ApiUnreachable(Exception):
    """Nothing that speaks the Atropos API answers at the address; the message says why."""


class StreamUnavailable(Exception):
    """What answered is no event stream, though the API is there: something between does not let it through."""


class ProblemError(Exception):
    """The API refused the request, with an RFC 9457 problem document."""

    def __init__(self, status: int, problem: Document) -> None:
        self.status = status
        self.problem = problem
        self.title = str(problem.get("title") or httpx.codes.get_reason_phrase(status) or status)
        self.detail = str(problem.get("detail") or "")
        self.errors: list[Document] = problem.get("errors") or []
        super().__init__(f"{self.title}: {self.detail}" if self.detail else self.title)


class AtroposClient:
    """A connection to one API. Every method raises ApiUnreachable or ProblemError."""

    def __init__(self, api_url: str = DEFAULT_URL, *, transport: httpx.BaseTransport | None = None) -> None:
        """Take the API's address, which may end with a path; `transport` replaces the network in tests."""
        self.api_url = api_url.rstrip("/")
        timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
        self._http = httpx.Client(base_url=self.api_url, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def submit(self, submission: Mapping[str, Any], *, idempotency_key: str | None = None) -> Document:
        """Submit a task: `task_type`, `parameters` and what else `POST /tasks` takes. Returns the new task."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return self._request("POST", "/tasks", json=submission, headers=headers)

    def get_task(self, task_id: UUID | str) -> Document:
        """The task, whole."""
        return self._request("GET", _path(task_id))

    def get_status(self, task_id: UUID | str) -> Document:
        """Where the task stands."""
        return self._request("GET", _path(task_id, "status"))

    def get_result(self, task_id: UUID | str) -> Document:
        """Result or error of a task that has ended; a ProblemError of status 409 before."""
        return self._request("GET", _path(task_id, "result"))

    def list_tasks(self, query: Mapping[str, Any] | None = None) -> Document:
        """One page of tasks, newest first: `tasks` and `next_cursor`."""
        return self._request("GET", "/tasks", params=query)

    def cancel(self, task_id: UUID | str) -> Document:
        """Cancel a task that waits, or ask one that runs to stop. Returns the task."""
        return self._request("POST", _path(task_id, "cancel"))

    def retry(self, task_id: UUID | str) -> Document:
        """Let a failed or cancelled task run again. Returns the task."""
        return self._request("POST", _path(task_id, "retry"))

    def cancel_matching(self, conditions: Mapping[str, Any], *, dry_run: bool = False) -> Document:
        """Cancel up to 10,000 tasks by a filter: `matched`, `changed` and whether there are `more`."""
        return self._request("POST", "/tasks/cancel", json={"filter": conditions, "dry_run": dry_run})

    def retry_matching(self, conditions: Mapping[str, Any], *, dry_run: bool = False) -> Document:
        """Let up to 10,000 tasks run again by a filter: `matched`, `changed` and whether there are `more`."""
        return self._request("POST", "/tasks/retry", json={"filter": conditions, "dry_run": dry_run})

    def task_types(self) -> Document:
        """What can be submitted: `task_types`, each with the JSON Schema of its parameters."""
        return self._request("GET", "/task-types")

    def workers(self) -> Document:
        """The `workers` that live, and what each runs."""
        return self._request("GET", "/workers")

    def health(self) -> Document:
        """How the service is; an answer too when it cannot take tasks."""
        with self._reporting():
            response = self._http.get("/health")
            document = _document(response)
        if "database" in document:
            return document
        raise ProblemError(response.status_code, document)

    def events(self, task_id: UUID | str, *, after: str | None = None) -> Iterator[tuple[str, Document]]:
        """Ids and events of a task after one id, live, until the task has ended or the API closes the stream.

        Raises StreamUnavailable besides.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        timeout = httpx.Timeout(STREAM_SILENCE_SECONDS, connect=CONNECT_SECONDS)
        with (
            self._reporting(),
            self._http.stream("GET", _path(task_id, "events"), headers=headers, timeout=timeout) as response,
        ):
            if response.status_code == httpx.codes.NO_CONTENT:
                return
            if not response.is_success:
                response.read()
                raise ProblemError(response.status_code, _document(response))
            if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise StreamUnavailable(f"{response.url} is no event stream")
            for event in read_events(response.iter_bytes()):
                yield event.id or "", json.loads(event.data)

    def _request(self, method: str, path: str, **options: Any) -> Document:
        with self._reporting():
            response = self._http.request(method, path, **options)
            document = _document(response)
        if response.is_success:
            return document
        raise ProblemError(response.status_code, document)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            raise ApiUnreachable(f"{self.api_url} does not answer: {reason}") from error


def _path(task_id: UUID | str, view: str | None = None) -> str:
    path = f"/tasks/{quote(str(task_id), safe='')}"
    return f"{path}/{view}" if view else path


def _document(response: httpx.Response) -> Document:
    """The JSON object of a response. Raises ApiUnreachable for the answers of other servers."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    status = f"{response.status_code} {response.reason_phrase}"
    target = f" to {response.headers['Location']}" if response.has_redirect_location else ""
    raise ApiUnreachable(f"{response.url} answered {status}{target}, not as the Atropos API does")
