"""The files of one attempt: what its handler reads, makes and scribbles. context.py hands it on, settle.py ends it.

Artifacts are stored at once and seen by nobody, until settle.py makes them visible together with the result.
"""

import hashlib
import mimetypes
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy.orm import Session

from atropos_core import files, queries
from atropos_core.errors import FileLost, FileNotFound, StorageNotConfigured, StorageUnavailable, TaskNotFound
from atropos_core.files import Artifact
from atropos_core.lifecycle import ENDED, new_task_id
from atropos_core.models import File
from atropos_core.sources import ArtifactSource, FileSource, Source, UrlSource
from atropos_core.tasks import Claim
from atropos_worker import runtime, scratch
from atropos_worker.fetch import FetchFailed, FetchRefused, fetch
from atropos_worker.outcome import Permanent, Retry, Stopped
from atropos_worker.runtime import Runtime

#: Read, hashed and handed on at once.
CHUNK_BYTES = 1024 * 1024
#: Kinds that the machine may not know.
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
}

Result = TypeVar("Result")
log = structlog.get_logger("atropos.worker")


class AttemptFiles:
    """Costs nothing until a handler uses it. May be used from any thread, but for `close` and `clean_up`."""

    def __init__(self, claim: Claim, check: Callable[[], None]) -> None:
        """`check` raises Stopped when the handler is to stop."""
        self._claim = claim
        self._check = check
        self._folder: Path | None = None
        self._inputs = 0
        #: By name, from before it is stored.
        self._artifacts: dict[str, Artifact | _Pending] = {}
        self._reserved = self._closed = False

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Those that are stored."""
        return tuple(artifact for artifact in self._artifacts.values() if isinstance(artifact, Artifact))

    @property
    def scratch(self) -> Path:
        """The folder of this attempt, empty at first."""
        return self._subfolder("scratch")

    def _subfolder(self, name: str) -> Path:
        if self._folder is None:
            self._folder = scratch.folder(runtime.current().settings.scratch_directory)
        path = self._folder / name
        path.mkdir(exist_ok=True)
        return path

    def fetch(self, source: Source) -> Path:
        """A local file with the content of the source, named as it is. Raises Permanent, Retry and Stopped."""
        self._check()
        here = runtime.current()
        try:
            if isinstance(source, UrlSource):
                return self._fetched(here, source.url)
            file = self._do(here, lambda session: _found(session, source))
            return self._downloaded(here, file)
        except (FileNotFound, TaskNotFound, FileLost, StorageNotConfigured) as error:
            raise Permanent(error.detail) from error
        except StorageUnavailable as error:
            raise Retry(error.detail) from error
        except FetchRefused as error:
            raise Permanent(str(error)) from error
        except FetchFailed as error:
            raise Retry(str(error)) from error

    def _fetched(self, here: Runtime, url: str) -> Path:
        name = unquote(PurePosixPath(urlsplit(url).path).name)
        place = self._place(name if files.NAME.fullmatch(name) else "content")
        maximum = here.settings.max_file_bytes
        fetch(url, place, maximum_bytes=maximum, seconds=here.settings.fetch_seconds, check=self._check)
        return place

    def _place(self, name: str) -> Path:
        self._inputs += 1
        folder = self._subfolder("inputs") / str(self._inputs)
        folder.mkdir()
        return folder / name

    def _downloaded(self, here: Runtime, file: File) -> Path:
        place = self._place(file.name)
        if (local := here.storage.local_path(file.id)) is not None:
            place.symlink_to(local)
            return place
        digest = hashlib.sha256()
        with place.open("wb") as target:
            for part in here.storage.read(file.id, 0, file.size_bytes or 0):
                digest.update(part)
                target.write(part)
                self._check()
        if digest.hexdigest() != file.sha256:
            raise Retry(f"The content of file {file.id} arrived damaged.")
        return place

    def store(self, path: str | Path, *, name: str | None, media_type: str | None) -> Artifact:
        """Store the file as an artifact. Raises OSError if it cannot be read; Permanent, Retry and Stopped."""
        self._check()
        path = Path(path)
        name = path.name if name is None else name
        media_type = media_type or _guessed(name)
        if not files.NAME.fullmatch(name) or not files.MEDIA_TYPE.fullmatch(media_type):
            raise Permanent(f"An artifact cannot have the name {name!r} and the media type {media_type!r}.")
        with path.open("rb") as content, self._named(name):
            artifact = self._stored(content, name, media_type)
            self._artifacts[name] = artifact
        return artifact

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Nobody else may have the name: others ask for an artifact by it."""
        mine = _Pending()
        if self._artifacts.setdefault(name, mine) is not mine:
            raise Permanent(f"The task has made an artifact named {name!r} already.")
        try:
            yield
        except BaseException:
            del self._artifacts[name]
            raise

    def _stored(self, content: BinaryIO, name: str, media_type: str) -> Artifact:
        here, file_id = runtime.current(), new_task_id()
        if not here.storage.configured:
            raise Permanent("This worker keeps no files: set ATROPOS_STORAGE_URL to a folder or a bucket.")

        def reserve(session: Session) -> bool:
            return files.reserve_artifact(session, self._claim, file_id, name=name, media_type=media_type)

        self._reserved = True
        if self._closed or not self._do(here, reserve):
            raise Stopped("the attempt is over")
        chunks = _Chunks(content, here.settings.max_file_bytes, self._check)
        try:
            here.storage.put(file_id, chunks)
        except StorageUnavailable as error:
            raise Retry(error.detail) from error
        return Artifact(
            file_id=file_id,
            size_bytes=chunks.size,
            sha256=chunks.digest.hexdigest(),
            task_id=self._claim.task_id,
            name=name,
            media_type=media_type,
        )

    # For the worker, not for handlers.

    def close(self) -> None:
        """The handler has ended: what it scribbled is deleted, and what it stores from now on is nobody's."""
        self._closed = True
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def clean_up(self) -> None:
        """The attempt is settled: delete what it stored and nobody sees. What cannot be deleted now is swept later."""
        if not self._reserved:
            return
        here = runtime.current()
        try:
            with here.database.transaction() as session:
                doomed = files.doom_attempt(session, self._claim)
            if doomed:
                here.storage.discard(doomed)
                with here.database.transaction() as session:
                    files.note_deleted(session, doomed)
        except Exception as error:
            log.warning("atropos.files.left_to_the_sweep", task_id=str(self._claim.task_id), error=str(error)[:300])

    def _do(self, here: Runtime, operation: Callable[[Session], Result]) -> Result:
        return here.database.retrying(operation, seconds=here.settings.lease_seconds)


class _Pending:
    """In the place of an artifact that is being stored."""


class _Chunks:
    """The file piece by piece, counted and hashed on the way."""

    def __init__(self, content: BinaryIO, maximum: int, check: Callable[[], None]) -> None:
        self._content, self._maximum, self._check = content, maximum, check
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._content.read(CHUNK_BYTES):
            self._check()
            self.size += len(chunk)
            if self.size > self._maximum:
                raise Permanent(f"An artifact may have {self._maximum:,} bytes (ATROPOS_MAX_FILE_BYTES).")
            self.digest.update(chunk)
            yield chunk


def _found(session: Session, source: FileSource | ArtifactSource) -> File:
    """The row of the source. Raises FileNotFound and TaskNotFound; Permanent and Retry where the task has none."""
    if isinstance(source, FileSource):
        return files.get(session, source.file_id)
    task = queries.get_task(session, source.task_id)
    made = {file.name: file for file in files.artifacts(session, task.id)}
    if source.artifact in made:
        return made[source.artifact]
    if task.status not in ENDED:
        raise Retry(f"Task {task.id} has not completed yet: it is {task.status}.")
    names = ", ".join(map(repr, made)) or "none"
    raise Permanent(f"Task {task.id}, which is {task.status}, has no artifact {source.artifact!r}. It has: {names}.")


def _guessed(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or files.UNKNOWN_MEDIA_TYPE
