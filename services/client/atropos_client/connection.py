"""How requests travel: by httpx, blocking or not, behind one interface. All other modules are written once, on that.

The blocking connection has coroutines too, but they block where the others suspend. So `run` needs no event loop: it
starts a coroutine, and finds it finished.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import httpx

Value = TypeVar("Value")
#: Fewer than the 5 seconds after which the API closes a connection that idles, or requests would meet closed ones.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.0)


class Connection(Protocol):
    """What httpx is used for."""

    def build(self, method: str, path: str, **options: Any) -> httpx.Request: ...
    async def send(self, request: httpx.Request) -> httpx.Response:
        """The response, whose body is not read yet. Raises httpx.RequestError."""
        ...

    async def read(self, response: httpx.Response) -> bytes: ...
    def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]: ...
    async def end(self, response: httpx.Response) -> None: ...
    async def sleep(self, seconds: float) -> None: ...
    async def close(self) -> None: ...


class BlockingConnection:
    """A Connection that blocks its thread; its coroutines never suspend."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def build(self, method: str, path: str, **options: Any) -> httpx.Request:
        return self._http.build_request(method, path, **options)

    async def send(self, request: httpx.Request) -> httpx.Response:
        return self._http.send(request, stream=True)

    async def read(self, response: httpx.Response) -> bytes:
        return response.read()

    async def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        for chunk in response.iter_bytes():
            yield chunk

    async def end(self, response: httpx.Response) -> None:
        response.close()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def close(self) -> None:
        self._http.close()


class AsyncioConnection:
    """A Connection for an event loop."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def build(self, method: str, path: str, **options: Any) -> httpx.Request:
        return self._http.build_request(method, path, **options)

    async def send(self, request: httpx.Request) -> httpx.Response:
        return await self._http.send(request, stream=True)

    async def read(self, response: httpx.Response) -> bytes:
        return await response.aread()

    def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        return response.aiter_bytes()

    async def end(self, response: httpx.Response) -> None:
        await response.aclose()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        await self._http.aclose()


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """The result of a coroutine on a BlockingConnection."""
    try:
        work.send(None)
    except StopIteration as end:
        result: Value = end.value
        return result
    work.close()
    raise RuntimeError("a coroutine on a blocking connection has suspended")


def iterate(items: AsyncGenerator[Value, None]) -> Iterator[Value]:
    """The items of an asynchronous generator on a BlockingConnection, which is closed when its reader stops."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())
