"""Streams contents between clients and the store, never whole in memory; routes/files.py calls it.

No connection to the database is held while a client sends or takes.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from atropos_core import files
from atropos_core.db import Database
from atropos_core.errors import DigestMismatch, StorageNotConfigured, StorageUnavailable
from atropos_core.files import Content
from atropos_core.lifecycle import new_task_id
from atropos_core.models import File
from atropos_core.storage import Storage

#: Contents under way at once in one process: an upload takes about 20 MB of memory, a download about 4.
UPLOADS_AT_ONCE = 8
DOWNLOADS_AT_ONCE = 32
#: Hashed and handed to the store at once.
BLOCK_BYTES = 1024 * 1024
#: How often the row of an upload is told that it goes on.
KEEP_SECONDS = files.UPLOAD_SECONDS / 4

Result = TypeVar("Result")
log = structlog.get_logger("atropos.api")


class Transfers:
    """Belongs to one event loop."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage
        self._under_way = {"uploads": 0, "downloads": 0}

    async def receive(self, stream: AsyncIterator[bytes], *, name: str, media_type: str, digest: bytes | None) -> File:
        """Store what the client sends; it is safe when this returns. `digest` is the SHA-256 that it shall have.

        Raises DigestMismatch, StorageNotConfigured, StorageUnavailable, HTTPException for one upload too many, and what
        the stream raises.
        """
        self._require_storage()
        with self._room("uploads", UPLOADS_AT_ONCE):
            file_id = new_task_id()
            await self._do(lambda session: files.reserve_upload(session, file_id, name=name, media_type=media_type))
            try:
                async with self._kept(file_id):
                    return await self._store(file_id, stream, digest)
            except Exception:
                await run_in_threadpool(self._give_up, file_id)
                raise

    async def _store(self, file_id: UUID, stream: AsyncIterator[bytes], digest: bytes | None) -> File:
        counted = _Counted(stream)
        await self._storage.put_async(file_id, counted)
        if digest is not None and digest != counted.digest.digest():
            raise DigestMismatch("The SHA-256 of what arrived is another than that of Repr-Digest.")
        content = Content(file_id=file_id, size_bytes=counted.size, sha256=counted.digest.hexdigest())
        published = await self._do(lambda session: files.publish(session, [content]))
        if not published:
            raise StorageUnavailable("The upload took too long to be stored. Try again.")
        return published[0]

    @asynccontextmanager
    async def _kept(self, file_id: UUID) -> AsyncIterator[None]:
        """Meanwhile the sweep knows that somebody writes."""
        keeping = asyncio.create_task(self._keep(file_id))
        try:
            yield
        finally:
            keeping.cancel()

    async def _keep(self, file_id: UUID) -> None:
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            try:
                await self._do(lambda session: files.keep_writing(session, file_id))
            except Exception as error:
                log.warning("atropos.files.upload_not_kept", file_id=str(file_id), error=str(error)[:300])

    def _give_up(self, file_id: UUID) -> None:
        """Nobody shall see it; what is stored goes now, or is swept later."""
        try:
            with self._database.transaction() as session:
                doomed = files.doom_writing(session, file_id)
            if doomed:
                self._delete(file_id)
        except Exception as error:
            log.warning("atropos.files.left_to_the_sweep", file_id=str(file_id), error=str(error)[:300])

    async def delete(self, file_id: UUID) -> None:
        """Delete an upload. Raises FileNotFound and FileNotDeletable."""
        await self._do(lambda session: files.doom_upload(session, file_id))
        with suppress(StorageUnavailable, StorageNotConfigured):  # Nobody sees it any more; the sweep goes on.
            await run_in_threadpool(self._delete, file_id)

    def _delete(self, file_id: UUID) -> None:
        self._storage.discard([file_id])
        with self._database.transaction() as session:
            files.note_deleted(session, [file_id])

    async def find(self, file_id: UUID) -> File:
        """The row. Raises FileNotFound."""
        return await self._do(lambda session: files.get(session, file_id))

    async def send(self, file_id: UUID, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`; the first are there when this returns.

        Raises FileLost, StorageNotConfigured, StorageUnavailable, and HTTPException for one download too many.
        """
        self._require_storage()
        parts = self._parts(file_id, start, end)
        first = await anext(parts, b"")
        return _chained(first, parts)

    async def _parts(self, file_id: UUID, start: int, end: int) -> AsyncIterator[bytes]:
        with self._room("downloads", DOWNLOADS_AT_ONCE):
            async for part in self._storage.read_async(file_id, start, end):
                yield part

    def _require_storage(self) -> None:
        if not self._storage.configured:
            raise StorageNotConfigured("Nowhere to keep files: set ATROPOS_STORAGE_URL to a folder or a bucket.")

    @contextmanager
    def _room(self, kind: str, maximum: int) -> Iterator[None]:
        if self._under_way[kind] >= maximum:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"Too many {kind} at once. Try again.")
        self._under_way[kind] += 1
        try:
            yield
        finally:
            self._under_way[kind] -= 1

    async def _do(self, operation: Callable[[Session], Result]) -> Result:
        def run() -> Result:
            with self._database.transaction() as session:
                return operation(session)

        return await run_in_threadpool(run)


class _Counted:
    """The stream in blocks, counted and hashed on the way."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self.size = 0
        self.digest = hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        block = bytearray()
        async for chunk in self._stream:
            block += chunk
            if len(block) >= BLOCK_BYTES:
                yield await self._count(bytes(block))
                block.clear()
        if block:
            yield await self._count(bytes(block))

    async def _count(self, block: bytes) -> bytes:
        self.size += len(block)
        await run_in_threadpool(self.digest.update, block)  # A millisecond in which others can be served.
        return block


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part
