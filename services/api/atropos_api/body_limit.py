"""Refuses bodies that are too large; main.py installs it. FastAPI's own limit answers with plain text."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Answers 413 once a body is announced to be, or is, longer than `limit` bytes and somebody reads it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        size = 0

        async def receive_up_to_limit() -> Message:
            nonlocal size
            # Raised in here, it passes the exception handlers like every other error.
            if announced.isdigit() and int(announced[:20]) > self.limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self.app(scope, receive_up_to_limit, send)
