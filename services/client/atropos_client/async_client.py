"""The client for asyncio, which has all calls; client.py is the same without an event loop."""

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import httpx

from atropos_client.connection import LIMITS, AsyncioConnection
from atropos_client.files import FileCalls
from atropos_client.following import FollowingCalls
from atropos_client.mapping import MapCalls
from atropos_client.patience import PATIENCE_SECONDS, Patience

DEFAULT_URL = "http://127.0.0.1:8000"


class Calls(FollowingCalls, MapCalls, FileCalls):
    """All calls, over any connection."""


class AsyncClient(Calls):
    """A connection to one API, for asyncio. Every call raises ApiUnreachable or ProblemError."""

    def __init__(
        self,
        api_url: str | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        on_outage: Callable[[str], None] | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take the API's address, which may end with a path; ATROPOS_API_URL, else port 8000 of this machine.

        `patience` is for how many seconds a call that can do no harm twice is made again while the API is away, and
        `on_outage` is told when that begins. `headers` go with every request, for a gateway that wants a token.
        `transport` replaces the network.
        """
        url = address(api_url)
        http = httpx.AsyncClient(base_url=url, headers=headers, transport=transport, limits=LIMITS)
        super().__init__(AsyncioConnection(http), url, Patience(patience, on_outage))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, also for clients made of this one by `with_options`."""
        await self._connection.close()


def address(api_url: str | None) -> str:
    """The address of the API: as given, or as the environment says."""
    return (api_url or os.environ.get("ATROPOS_API_URL") or DEFAULT_URL).rstrip("/")
