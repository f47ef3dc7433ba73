"""The content of a file on its way: what an upload reads, and where a download is written. Called by files.py."""

import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from atropos_client.documents import File

CHUNK_BYTES = 256 * 1024
#: What to upload: a path, the content itself, or an open file, which is read from where it stands.
Content = Path | str | bytes | IO[bytes]


class UploadBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an upload, read and hashed in chunks as it is sent."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._digest = hashlib.sha256()
        self.size = _size(content)

    @property
    def sha256(self) -> str:
        """Of what has been read, in hexadecimal digits."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        self._digest = hashlib.sha256()
        left = self.size
        with ExitStack() as opened:
            source = self._open(opened)
            # A file that grows meanwhile is sent as long as it was said to be.
            while chunk := source.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)):
                left = None if left is None else left - len(chunk)
                self._digest.update(chunk)
                yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def _open(self, opened: ExitStack) -> IO[bytes]:
        if isinstance(self._content, bytes):
            return BytesIO(self._content)
        if isinstance(self._content, Path | str):
            return opened.enter_context(open(self._content, "rb"))
        return self._content


def _size(content: Content) -> int | None:
    """Bytes that there are to send; None for a pipe."""
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, Path | str):
        return os.stat(content).st_size
    if not content.seekable():
        return None
    start = content.tell()
    end = content.seek(0, os.SEEK_END)
    content.seek(start)
    return end - start


class Download:
    """A file that is being written, beside its target under another name; nothing is left of one that is not kept."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._partial = target.with_name(f".{uuid.uuid4().hex}.part")
        self.restart()

    def __enter__(self) -> Self:
        self._file = self._partial.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Of what has been written, in hexadecimal digits."""
        return self._digest.hexdigest()

    def restart(self) -> None:
        """Begin anew."""
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._file.seek(self.size)
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def keep(self) -> None:
        """Put the whole file in its place, over what is there."""
        self._file.truncate(self.size)
        self._file.close()
        self._partial.replace(self._target)


def target_of(path: Path, file: File) -> Path:
    """Where to write a file: the path, or in that folder under its own name, which never leads out of it."""
    if not path.is_dir():
        return path
    name = "".join(character for character in file["name"] if character.isprintable())
    name = name.replace("\\", "/").rpartition("/")[2]
    return path / (file["file_id"] if name in {"", ".", ".."} else name)
