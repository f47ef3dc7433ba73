"""Upload files, and download them and what tasks made."""

import base64
import binascii
import re
from datetime import UTC
from email.utils import format_datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from atropos_api.byte_range import UNSATISFIABLE, requested_range
from atropos_api.deps import TransfersDep
from atropos_api.schemas import FileView
from atropos_core.files import MEDIA_TYPE, UNKNOWN_MEDIA_TYPE
from atropos_core.models import File

router = APIRouter(prefix="/files", tags=["files"])

#: A dictionary of RFC 8941 with a byte sequence for each algorithm; others than SHA-256 are not looked at.
SHA_256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?=,|$)")
#: Of every content: whatever people upload, it runs nothing in the page's name, even if a browser shows it.
CONTENT_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
BINARY = {"schema": {"type": "string", "format": "binary"}, "example": "order,amount\n1,9.50\n"}
BODY = {"requestBody": {"required": False, "content": {UNKNOWN_MEDIA_TYPE: BINARY}}}
WHOLE = {"description": "The content.", "content": {UNKNOWN_MEDIA_TYPE: BINARY}}
PART = {"description": "The part of the content that `Range` asked for.", "content": {UNKNOWN_MEDIA_TYPE: BINARY}}

FileName = Annotated[
    str,
    Query(
        pattern=r"^[^\x00-\x1f\x7f/\\]{1,255}$",
        description="The name of the file, without a folder.",
    ),
]
ReprDigest = Annotated[
    str | None, Header(description="`sha-256=:base64:` (RFC 9530): what arrives must have this digest.")
]


@router.post("", status_code=201, response_model=FileView, openapi_extra=BODY)
async def upload_file(
    request: Request,
    response: Response,
    transfers: TransfersDep,
    name: FileName,
    repr_digest: ReprDigest = None,
) -> Any:
    """Store the body as a file, of the type that `Content-Type` says. It is safe when this answers."""
    media_type = request.headers.get("content-type", "")
    if not MEDIA_TYPE.fullmatch(media_type):
        media_type = UNKNOWN_MEDIA_TYPE
    try:
        file = await transfers.receive(request.stream(), name=name, media_type=media_type, digest=_sha256(repr_digest))
    except ClientDisconnect:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The client went away.") from None
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/files/{file.id}"
    return file


def _sha256(repr_digest: str | None) -> bytes | None:
    if repr_digest is None:
        return None
    try:
        found = SHA_256.search(repr_digest)
        return base64.b64decode(found[1], validate=True) if found else None
    except binascii.Error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The digest of Repr-Digest is not base64.") from None


@router.get("/{file_id}", response_class=Response, responses={200: WHOLE, 206: PART})
async def download_file(file_id: UUID, request: Request, transfers: TransfersDep) -> Response:
    """The content of an upload, or of an artifact; a part of it with `Range`."""
    file = await transfers.find(file_id)
    headers = _headers(file)
    if _is_known(request, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    size = file.size_bytes or 0
    chosen = requested_range(request.headers, size, headers["ETag"])
    if chosen is UNSATISFIABLE:
        unit = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        raise HTTPException(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"The file has {size:,} bytes.", unit)
    start, end = chosen or (0, size)
    parts = await transfers.send(file_id, start, end)
    headers |= _content_headers(file, end - start)
    if chosen is None:
        return StreamingResponse(parts, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(parts, HTTPStatus.PARTIAL_CONTENT, headers)


@router.head("/{file_id}", include_in_schema=False)
async def look_at_file(file_id: UUID, request: Request, transfers: TransfersDep) -> Response:
    """What a download would say."""
    file = await transfers.find(file_id)
    headers = _headers(file)
    if _is_known(request, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(headers=headers | _content_headers(file, file.size_bytes or 0))


@router.get("/{file_id}/info", response_model=FileView)
async def get_file(file_id: UUID, transfers: TransfersDep) -> File:
    """What is known of a file."""
    return await transfers.find(file_id)


@router.delete("/{file_id}", status_code=204)
async def delete_file(file_id: UUID, transfers: TransfersDep) -> None:
    """Delete an upload. Artifacts go with their task. Tasks that have it as their source and did not run yet fail."""
    await transfers.delete(file_id)


def _headers(file: File) -> dict[str, str]:
    digest = bytes.fromhex(file.sha256 or "")
    return {
        **CONTENT_HEADERS,
        "ETag": f'"{file.sha256}"',
        "Last-Modified": format_datetime(file.created_at.astimezone(UTC), usegmt=True),
        "Repr-Digest": f"sha-256=:{base64.b64encode(digest).decode()}:",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
    }


def _content_headers(file: File, length: int) -> dict[str, str]:
    """The type as it came: as a `media_type`, Starlette would add a charset that nobody knows."""
    return {"Content-Type": file.media_type, "Content-Length": str(length)}


def _is_known(request: Request, etag: str) -> bool:
    """Whether the client has this content already (RFC 9110 §13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or etag in (one.strip().removeprefix("W/") for one in known.split(","))
