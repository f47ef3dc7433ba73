"""Refuses bodies that are too large; main.py installs it. FastAPI's own limit answers with plain text."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Batches of the largest size that may be held at once: many clients must not fill the memory together.
LARGEST_AT_ONCE = 4
#: Bodies of this many bytes are taken all the same.
SMALL = 64 * 1024


class BodyLimit:
    """Answers 413 once a body is announced to be, or is, longer than it may be and somebody reads it."""

    def __init__(self, app: ASGIApp, batch: int, parameters: int, file: int) -> None:
        """`batch` and `file` are limits in bytes; from that of one task's `parameters` follows that of the others."""
        self.app = app
        self.batch = batch
        self.file = file
        # Room for labels or ten thousand ids, and for spaces. Nobody is served while a body is parsed.
        self.other = min(batch, 4 * parameters + 512 * 1024)
        #: Bytes of all bodies whose requests have no answer yet.
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit, held = self._limit(scope["path"])
        announced = Headers(scope=scope).get("content-length", "")
        size = 0

        async def receive_up_to_limit() -> Message:
            nonlocal size
            # Raised in here, it passes the exception handlers like every other error.
            if announced.isdigit() and int(announced[:20]) > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            message = await receive()
            length = len(message.get("body", b""))
            size += length
            self.held += length if held else 0
            if size > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if held and size > SMALL and self.held > LARGEST_AT_ONCE * self.batch:
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "Too many large bodies at once. Try again.")
            return message

        try:
            await self.app(scope, receive_up_to_limit, send)
        finally:
            self.held -= size if held else 0

    def _limit(self, path: str) -> tuple[int, bool]:
        """The bytes that a body may have, and whether it is held in memory: files are not."""
        if is_upload(path):
            return self.file, False
        return (self.batch if path.endswith("/tasks/batch") else self.other), True


def is_upload(path: str) -> bool:
    """Whether a body that is sent there is a file."""
    return path.endswith("/files")
