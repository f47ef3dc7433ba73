"""Ends multipart uploads to S3 whose process was killed: they are in no list of objects, but their parts cost.

storage.py calls it before it deletes an object. obstore has no call for this, so these two are signed here.
"""

import hashlib
import hmac
import html
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import structlog

from atropos_core.errors import StorageUnavailable
from atropos_core.settings import Settings

TIMEOUT_SECONDS = 10.0
UPLOAD_ID = re.compile(r"<UploadId>([^<]+)</UploadId>")
EMPTY = hashlib.sha256(b"").hexdigest()

log = structlog.get_logger("atropos.storage")


class UnfinishedUploads:
    """Those of one bucket. Without a key in the settings it does nothing: the bucket's own rules have to."""

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.storage_url or "")
        endpoint = settings.storage_endpoint or f"https://s3.{settings.storage_region}.amazonaws.com"
        self._settings = settings
        self._bucket = f"{endpoint.rstrip('/')}/{url.netloc}"
        self._prefix = f"{url.path.strip('/')}/".lstrip("/")

    def end(self, key: str) -> None:
        """End all of this key, below the prefix of the store. Raises StorageUnavailable."""
        if self._settings.storage_access_key_id is None:
            return
        key = self._prefix + key
        try:
            found = self._call("GET", self._bucket, {"prefix": key, "uploads": ""})
            for upload_id in UPLOAD_ID.findall(found):
                self._call("DELETE", f"{self._bucket}/{quote(key)}", {"uploadId": html.unescape(upload_id)})
        except urllib.error.HTTPError as error:
            if error.code >= 500 and error.code != 501:
                raise StorageUnavailable("The store for files does not answer.") from error
            log.warning("atropos.storage.unfinished_uploads_not_ended", status=error.code)
        except OSError as error:
            raise StorageUnavailable("The store for files does not answer.") from error

    def _call(self, method: str, address: str, query: Mapping[str, str]) -> str:
        written = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
        headers = self._signed(method, address, written)
        request = urllib.request.Request(f"{address}?{written}", method=method, headers=headers)  # noqa: S310 - http(s)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read()
        return content.decode()

    def _signed(self, method: str, address: str, query: str) -> dict[str, str]:
        """Headers with a signature of version 4 (Amazon S3 API Reference, "Signature Calculations")."""
        url, now = urlsplit(address), datetime.now(UTC)
        headers = {"host": url.netloc, "x-amz-content-sha256": EMPTY, "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}"}
        if (token := self._settings.storage_session_token) is not None:
            headers["x-amz-security-token"] = token.get_secret_value()
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join([method, url.path, query, lines, names, EMPTY])
        scope = f"{now:%Y%m%d}/{self._settings.storage_region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = self._keyed(scope, "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest]))
        credential = f"{self._settings.storage_access_key_id}/{scope}"
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def _keyed(self, scope: str, text: str) -> str:
        secret = self._settings.storage_secret_access_key
        key = f"AWS4{secret.get_secret_value() if secret else ''}".encode()
        for part in [*scope.split("/"), text]:
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()
