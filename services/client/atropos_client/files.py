"""Calls about files: upload and download, whole or not at all."""

import mimetypes
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import cast

import httpx

from atropos_client.content import Content, Download, UploadBody, target_of
from atropos_client.documents import File
from atropos_client.errors import ApiUnreachable, AtroposError, ChecksumMismatch
from atropos_client.requests import Id, Requests, path_of

#: Seconds that storing an upload may take after its last byte.
STORING_SECONDS = 300.0
#: What the standard library does not know by its ending.
MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
}
CONTENT_RANGE = re.compile(r"bytes (\d+)-")


class FileCalls(Requests):
    """The calls about files."""

    async def upload(self, content: Content, *, name: str | None = None, media_type: str | None = None) -> File:
        """Store a file: a path, bytes, or an open binary file. Returns what is known of it, with its `file_id`.

        Name and media type are those of the path unless given. Raises ChecksumMismatch when not the same was stored
        as was sent. An upload is not sent again in an outage, except when it is known that nothing has arrived.
        """
        body = UploadBody(content)
        name = name or _name(content)
        media_type = media_type or _media_type(name)
        length = {"Transfer-Encoding": "chunked"} if body.size is None else {"Content-Length": str(body.size)}
        headers = {"Content-Type": media_type, **length}
        answer = await self._request(
            "POST", "/files", params={"name": name}, headers=headers, body=body, seconds=STORING_SECONDS
        )
        file = cast(File, answer)
        if file["sha256"] != body.sha256:
            await self.delete_file(file["file_id"])
            raise ChecksumMismatch(f"{name}: what was stored is not what was sent")
        return file

    async def get_file(self, file_id: Id) -> File:
        """What is known of a file."""
        return cast(File, await self._request("GET", path_of("files", file_id, "info")))

    async def delete_file(self, file_id: Id) -> None:
        """Delete an upload."""
        await self._request("DELETE", path_of("files", file_id))

    async def download(
        self, file_id: Id, path: Path | str = ".", *, on_progress: Callable[[int, int], None] | None = None
    ) -> Path:
        """Write a file to a path, or into a folder under its own name, and return where it is.

        It is there once it is whole and its checksum right, over what was there before. A broken connection is taken
        up where it broke. `on_progress` is told the bytes received and those in all. Raises ChecksumMismatch.
        """
        file = await self.get_file(file_id)
        target = target_of(Path(path), file)
        with Download(target) as download:
            await self._receive(file, download, on_progress or (lambda _received, _all: None))
            if download.sha256 != file["sha256"]:
                raise ChecksumMismatch(f"{file['name']}: what arrived does not have its checksum")
            download.keep()
        return target

    async def _receive(self, file: File, download: Download, on_progress: Callable[[int, int], None]) -> None:
        outage = self._outage()
        while download.size < file["size_bytes"]:
            try:
                before = download.size
                await self._receive_part(file, download, on_progress)
                if download.size == before:
                    raise ApiUnreachable(f"{file['name']}: nothing arrives", temporary=True)
            except AtroposError as error:
                if download.size > before:
                    outage.over()
                pause = outage.pause_after(error)
            else:
                continue
            await self._connection.sleep(pause)

    async def _receive_part(self, file: File, download: Download, on_progress: Callable[[int, int], None]) -> None:
        """Write what one connection brings."""
        headers = {"Accept-Encoding": "identity"}
        if download.size:
            headers["Range"] = f"bytes={download.size}-"
        async with self._open("GET", path_of("files", file["file_id"]), headers=headers) as response:
            if download.size != _start(response):
                download.restart()
            async for chunk in self._connection.chunks(response):
                download.write(chunk)
                on_progress(download.size, file["size_bytes"])
                if download.size > file["size_bytes"]:
                    raise ChecksumMismatch(f"{file['name']}: more arrives than its size")


def _start(response: httpx.Response) -> int:
    """Where in the file the body of a response begins; what begins nowhere we asked for is read from the beginning."""
    found = CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    return int(found[1]) if response.status_code == HTTPStatus.PARTIAL_CONTENT and found else 0


def _name(content: Content) -> str:
    if isinstance(content, bytes):
        return "file"
    if isinstance(content, Path | str):
        return Path(content).name
    name = getattr(content, "name", None)
    return Path(name).name if isinstance(name, str) else "file"


def _media_type(name: str) -> str:
    return MEDIA_TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0] or "application/octet-stream"
