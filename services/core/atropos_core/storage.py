"""The contents of files, by id, in a local folder or an S3-compatible store; API, workers and dispatcher use it.

What is stored is told by rows of `files` alone: an object without a row that is ready is nobody's. A process that has
used this must not be forked, since obstore's threads would be missing in the copy.
"""

import math
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store
from pydantic import SecretStr

from atropos_core.errors import FileLost, StorageNotConfigured, StorageUnavailable
from atropos_core.settings import Settings
from atropos_core.unfinished_uploads import UnfinishedUploads

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

#: What obstore raises for a wrong key, and for a bucket that is another's.
REFUSALS = (PermissionDeniedError, UnauthenticatedError)
#: Fetched at once by a worker; and by the API, which serves many at a time.
READ_BYTES = 16 * 1024 * 1024
SEND_BYTES = 2 * 1024 * 1024
#: The least that S3 takes as a part of an upload.
PART_BYTES = 5 * 1024 * 1024
#: S3 takes 10,000 parts.
MAXIMUM_PARTS = 9_000
#: Parts of one upload under way at the same time. With as many bytes of memory an upload gets by.
PARTS_AT_ONCE = 3
#: A store that is away is noticed within seconds; the whole time is for one part, not for a file.
CLIENT: "ClientConfig" = {"connect_timeout": "3s", "read_timeout": "20s", "timeout": "120s"}
RETRIES: "RetryConfig" = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}

log = structlog.get_logger("atropos.storage")


class Storage:
    """The store of `storage_url`. Raises StorageNotConfigured on every use if there is none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._part_bytes = max(PART_BYTES, math.ceil(settings.max_file_bytes / MAXIMUM_PARTS))
        self._opened: LocalStore | S3Store | None = None

    @property
    def configured(self) -> bool:
        """Whether there is a store."""
        return self._settings.storage_url is not None

    def put(self, file_id: UUID, chunks: Iterable[bytes]) -> None:
        """Store what `chunks` give, whole or not at all. What they raise is raised, and StorageUnavailable."""
        with _told(), self._making_durable(file_id):
            obstore.put(
                self._store(),
                _key(file_id),
                iter(chunks),
                use_multipart=True,
                chunk_size=self._part_bytes,
                max_concurrency=PARTS_AT_ONCE,
            )

    async def put_async(self, file_id: UUID, chunks: AsyncIterable[bytes]) -> None:
        """The same, in an event loop. If the task that awaits it is cancelled, parts may be left for `discard`."""
        with _told(), self._making_durable(file_id):
            await obstore.put_async(
                self._store(),
                _key(file_id),
                aiter(chunks),
                use_multipart=True,
                chunk_size=self._part_bytes,
                max_concurrency=PARTS_AT_ONCE,
            )

    def read(self, file_id: UUID, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in parts. Raises StorageUnavailable, and FileLost if there are none."""
        for first, last in _parts(start, end, READ_BYTES):
            with _told(file_id):
                part = obstore.get_range(self._store(), _key(file_id), start=first, end=last)
            yield bytes(part)

    async def read_async(self, file_id: UUID, start: int, end: int) -> AsyncIterator[bytes]:
        """The same, in an event loop. Each part is a request of its own, so a slow reader keeps none of them open."""
        for first, last in _parts(start, end, SEND_BYTES):
            with _told(file_id):
                part = await obstore.get_range_async(self._store(), _key(file_id), start=first, end=last)
            yield bytes(part)

    def discard(self, file_ids: Sequence[UUID]) -> None:
        """Delete what is stored under these ids, unfinished uploads too. Raises StorageUnavailable."""
        if not file_ids:
            return
        with _told():
            store = self._store()
            if isinstance(store, LocalStore):
                for path in (path for file_id in file_ids for path in self._leftovers(file_id)):
                    path.unlink(missing_ok=True)
                return
            unfinished = UnfinishedUploads(self._settings)
            for file_id in file_ids:
                unfinished.end(_key(file_id))
            obstore.delete(store, [_key(file_id) for file_id in file_ids])

    def local_path(self, file_id: UUID) -> Path | None:
        """The file itself where the store is a local folder. Nobody may write to it. Raises FileLost."""
        folder = self._folder
        if folder is None:
            return None
        path = folder / _key(file_id)
        if not path.is_file():
            raise FileLost(f"The content of file {file_id} is gone.")
        return path

    @property
    def _folder(self) -> Path | None:
        url = urlsplit(self._settings.storage_url or "")
        return Path(unquote(url.path)) if url.scheme == "file" else None

    def _leftovers(self, file_id: UUID) -> Iterator[Path]:
        """The object, and what an upload that was cut off left beside it: `<id>#1` and so on."""
        path = (self._folder or Path()) / _key(file_id)
        return path.parent.glob(f"{path.name}*")

    def _store(self) -> LocalStore | S3Store:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> LocalStore | S3Store:
        settings = self._settings
        if settings.storage_url is None:
            raise StorageNotConfigured("Nowhere to keep files: set ATROPOS_STORAGE_URL to a folder or a bucket.")
        if (folder := self._folder) is not None:
            return LocalStore(folder, mkdir=True)
        url = urlsplit(settings.storage_url)
        secrets = {
            "access_key_id": settings.storage_access_key_id,
            "secret_access_key": _revealed(settings.storage_secret_access_key),
            "session_token": _revealed(settings.storage_session_token),
            "endpoint": settings.storage_endpoint,
        }
        return S3Store(
            url.netloc,
            prefix=url.path.strip("/") or None,
            config=cast("S3Config", {name: value for name, value in secrets.items() if value}),
            region=settings.storage_region,
            client_options={**CLIENT, "allow_http": (settings.storage_endpoint or "").startswith("http://")},
            retry_config=RETRIES,
        )

    @contextmanager
    def _making_durable(self, file_id: UUID) -> Iterator[None]:
        """A folder's file survives a crash of the machine once it and its name are on the disk."""
        yield
        if (path := self.local_path(file_id)) is not None:
            path.chmod(0o444)
            for name in (path, path.parent):
                descriptor = os.open(name, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


def _key(file_id: UUID) -> str:
    """Below a folder named after the random end of the id, so that no folder has all of them."""
    return f"{file_id.hex[-2:]}/{file_id}"


def _parts(start: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + length, end)) for first in range(start, end, length))


@contextmanager
def _told(file_id: UUID | None = None) -> Iterator[None]:
    """Tell in our words what obstore raises; `file_id` is the one that must be there."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        if file_id is not None and isinstance(error, FileNotFoundError):
            raise FileLost(f"The content of file {file_id} is gone.") from error
        log.warning("atropos.storage.failed", error=str(error).partition("\n\n")[0])
        if isinstance(error, REFUSALS):
            raise StorageUnavailable(
                "The store for files refuses this service, whose key or rights are wrong. Nothing was changed."
            ) from error
        raise StorageUnavailable("The store for files does not answer. Nothing was changed; try again.") from error


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
