"""The blocking client: the calls of async_client.py, over a connection on which they never suspend."""

import copy
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from atropos_client.async_client import Calls, address
from atropos_client.connection import LIMITS, BlockingConnection, iterate, run
from atropos_client.patience import PATIENCE_SECONDS, Patience

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


def _blocking(
    call: Callable[Concatenate[Any, Arguments], Coroutine[Any, Any, Value]],
) -> Callable[Concatenate["Client", Arguments], Value]:
    @wraps(call)
    def method(self: "Client", /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Value:
        return run(call(self._calls, *arguments, **options))

    return method


def _iterating(
    call: Callable[Concatenate[Any, Arguments], AsyncGenerator[Value, None]],
) -> Callable[Concatenate["Client", Arguments], Iterator[Value]]:
    @wraps(call)
    def method(self: "Client", /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Iterator[Value]:
        return iterate(call(self._calls, *arguments, **options))

    return method


class Client:
    """A connection to one API, which blocks. Every call raises ApiUnreachable or ProblemError."""

    def __init__(
        self,
        api_url: str | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        on_outage: Callable[[str], None] | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Take what AsyncClient takes."""
        url = address(api_url)
        http = httpx.Client(base_url=url, headers=headers, transport=transport, limits=LIMITS)
        self._calls = Calls(BlockingConnection(http), url, Patience(patience, on_outage))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, also for clients made of this one by `with_options`."""
        run(self._calls._connection.close())

    @property
    def api_url(self) -> str:
        """The API's address."""
        return self._calls.api_url

    def with_options(self, *, patience: float | None = None, on_outage: Callable[[str], None] | None = None) -> Self:
        """The same client on the same connection, with another patience in seconds, or other words for an outage."""
        other = copy.copy(self)
        other._calls = self._calls.with_options(patience=patience, on_outage=on_outage)
        return other

    submit = _blocking(Calls.submit)
    submit_many = _blocking(Calls.submit_many)
    get_task = _blocking(Calls.get_task)
    get_status = _blocking(Calls.get_status)
    result = _blocking(Calls.result)
    graph = _blocking(Calls.graph)
    artifacts = _blocking(Calls.artifacts)
    wait = _blocking(Calls.wait)
    stream = _iterating(Calls.stream)
    logs = _iterating(Calls.logs)
    log_page = _blocking(Calls.log_page)
    list = _iterating(Calls.list)
    list_page = _blocking(Calls.list_page)
    cancel = _blocking(Calls.cancel)
    retry = _blocking(Calls.retry)
    cancel_matching = _blocking(Calls.cancel_matching)
    retry_matching = _blocking(Calls.retry_matching)
    map = _iterating(Calls.map)
    upload = _blocking(Calls.upload)
    download = _blocking(Calls.download)
    get_file = _blocking(Calls.get_file)
    delete_file = _blocking(Calls.delete_file)
    task_types = _blocking(Calls.task_types)
    workers = _blocking(Calls.workers)
    health = _blocking(Calls.health)
