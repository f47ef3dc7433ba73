"""One call of the API: the request, its answer or error, and calls that are made again. The base of all calls."""

import copy
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

import httpx

from atropos_client.connection import Connection
from atropos_client.errors import TEMPORARY, ApiUnreachable, AtroposError, ProblemError
from atropos_client.patience import Deadline, Outage, Patience

#: Seconds that one answer may take; the API itself gives up on the database after 10.
REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
#: Methods that may be sent again when it is not known what became of them.
REPEATABLE = frozenset({"GET", "DELETE"})
#: Errors after which it is known that the API has not seen the request.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
#: Errors that come from the request itself.
LASTING = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.TooManyRedirects, httpx.DecodingError)

Id = UUID | str


class Requests:
    """Sends requests over one connection, with one patience. Every call raises ApiUnreachable or ProblemError."""

    def __init__(self, connection: Connection, api_url: str, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience
        #: The API's address.
        self.api_url = api_url

    def with_options(self, *, patience: float | None = None, on_outage: Callable[[str], None] | None = None) -> Self:
        """The same client on the same connection, with another patience in seconds, or other words for an outage."""
        seconds = self._patience.seconds if patience is None else patience
        return self._with(replace(self._patience, seconds=seconds, on_outage=on_outage or self._patience.on_outage))

    def _until(self, deadline: Deadline | None) -> Self:
        """The same client, whose calls raise WaitTimeout after the deadline."""
        return self._with(replace(self._patience, deadline=deadline)) if deadline else self

    def _with(self, patience: Patience) -> Self:
        other = copy.copy(self)
        other._patience = patience
        return other

    def _outage(self) -> Outage:
        return Outage(self._patience)

    async def _sleep(self, seconds: float) -> None:
        await self._connection.sleep(self._patience.within(seconds))

    async def _request(self, method: str, path: str, *, repeatable: bool = False, **options: Any) -> Any:
        """The JSON of the answer. Made again in an outage if that can do no harm."""
        outage = self._outage()
        while True:
            try:
                async with self._open(method, path, **options) as response:
                    return await self._document(response)
            except AtroposError as error:
                if not (repeatable or method in REPEATABLE or error.unsent):
                    raise
                pause = outage.pause_after(error)
            await self._connection.sleep(pause)

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        seconds: float = REQUEST_SECONDS,
        body: httpx.SyncByteStream | None = None,
        **options: Any,
    ) -> AsyncGenerator[httpx.Response, None]:
        """A successful response, not read yet, in which `seconds` may pass without a byte. Raises WaitTimeout too."""
        within = self._patience.within
        timeout = httpx.Timeout(within(seconds), connect=within(CONNECT_SECONDS))
        request = self._connection.build(method, path, timeout=timeout, **options)
        if body is not None:
            # What is built with a body of its own kind is for one of the two kinds of httpx clients only.
            request = httpx.Request(
                method, request.url, headers=request.headers, extensions=request.extensions, stream=body
            )
        try:
            response = await self._connection.send(request)
            try:
                if not response.is_success:
                    await self._refuse(response)
                yield response
            finally:
                await self._connection.end(response)
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            temporary = not isinstance(error, LASTING)
            message = f"{self.api_url} does not answer: {reason}"
            raise ApiUnreachable(message, temporary=temporary, unsent=isinstance(error, UNSENT)) from error

    async def _refuse(self, response: httpx.Response) -> None:
        document = await self._document(response)
        seconds = response.headers.get("Retry-After", "")
        raise ProblemError(response.status_code, document, retry_after=float(seconds) if seconds.isdecimal() else None)

    async def _document(self, response: httpx.Response) -> dict[str, Any]:
        """The JSON object of a response. Raises ApiUnreachable for the answers of other servers."""
        await self._connection.read(response)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return {}
        try:
            document = response.json()
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        status = f"{response.status_code} {response.reason_phrase}"
        target = f" to {response.headers['Location']}" if response.has_redirect_location else ""
        message = f"{response.url} answered {status}{target}, not as the Atropos API does"
        raise ApiUnreachable(message, temporary=response.status_code in TEMPORARY)


def path_of(collection: str, identity: Id, view: str | None = None) -> str:
    """The path of one task or file, or of a view of it."""
    path = f"/{collection}/{quote(str(identity), safe='')}"
    return f"{path}/{view}" if view else path
