"""Files: uploads, and artifacts of tasks. Every write to their rows, for API, worker and dispatcher.

As in tasks.py nothing here commits. Contents are in storage.py, and never touched here: a row is there before the first
byte is stored and until the last one is deleted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from atropos_core.errors import FileNotDeletable, FileNotFound
from atropos_core.models import File
from atropos_core.tasks import Claim

#: An upload whose API process was silent for this long is given up.
UPLOAD_SECONDS = 60.0
#: A content is deleted once more after this long: a process that was cut off may have written on meanwhile.
LINGER_SECONDS = 3600.0
#: Rows that one statement of the sweep changes at most.
BATCH = 200
#: Names that file systems, headers and people can do with.
NAME = re.compile(r"(?!\.{1,2}$)[^\x00-\x1f\x7f/\\\ud800-\udfff]{1,255}")
MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}( *;[\x20-\x7e]{0,100})?", re.ASCII)
#: Of what nobody said what it is.
UNKNOWN_MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Content:
    """What was stored under an id."""

    file_id: UUID
    size_bytes: int
    #: In hexadecimal digits.
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Artifact(Content):
    """A file that an attempt made; others see it once the task has completed."""

    task_id: UUID
    name: str
    media_type: str


_RESERVE_UPLOAD = text("""
    INSERT INTO files (id, state, name, media_type, look_at)
    VALUES (:id, 'writing', :name, :media_type, now() + make_interval(secs => :seconds))""")
#: A commit whose answer was lost is repeated: the second time the row is there.
_RESERVE_ARTIFACT = text("""
    INSERT INTO files (id, task_id, fence, state, name, media_type)
    SELECT :id, tasks.id, tasks.fence, 'writing', :name, :media_type FROM tasks
    WHERE tasks.id = :task_id AND tasks.status = 'processing' AND tasks.fence = :fence
    ON CONFLICT (id) DO UPDATE SET look_at = now() RETURNING id""")
_KEEP_WRITING = text("""
    UPDATE files SET look_at = now() + make_interval(secs => :seconds)
    WHERE id = :id AND state = 'writing' RETURNING id""")
_PUBLISH = text("""
    UPDATE files SET state = 'ready', size_bytes = content.size_bytes, sha256 = content.sha256
    FROM unnest(CAST(:ids AS uuid[]), CAST(:sizes AS bigint[]), CAST(:digests AS text[]))
        AS content (id, size_bytes, sha256)
    WHERE files.id = content.id AND files.state = 'writing' RETURNING files.*""")
_DOOM = "UPDATE files SET state = 'doomed', look_at = now() WHERE "
_DOOM_READY = text(_DOOM + "id = :id AND state = 'ready' RETURNING id")
_DOOM_WRITING = text(_DOOM + "id = :id AND state = 'writing' RETURNING id")
_DOOM_ATTEMPT = text(_DOOM + "task_id = :task_id AND fence = :fence AND state = 'writing' RETURNING id")
#: Nobody writes these any more: the API was silent, or another attempt has the task, or none.
_DOOM_ABANDONED = text(f"""{_DOOM} id IN (
        SELECT id FROM files WHERE state = 'writing' AND look_at <= now() AND NOT EXISTS (
            SELECT FROM tasks
            WHERE tasks.id = files.task_id AND tasks.status = 'processing' AND tasks.fence = files.fence)
        ORDER BY look_at LIMIT :batch FOR UPDATE SKIP LOCKED
    ) RETURNING id""")
_DOOM_OLD_UPLOADS = text(f"""{_DOOM} id IN (
        SELECT id FROM files
        WHERE state = 'ready' AND task_id IS NULL AND created_at < now() - make_interval(secs => :seconds)
        ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED
    ) RETURNING id""")
_DUE = text("""
    SELECT id FROM files WHERE state IN ('doomed', 'deleted') AND look_at <= now() ORDER BY look_at LIMIT :batch""")
_NOTE_DELETED = text("""
    WITH over AS (DELETE FROM files WHERE id = ANY(:ids) AND state = 'deleted' AND look_at <= now())
    UPDATE files SET state = 'deleted', look_at = now() + make_interval(secs => :seconds)
    WHERE id = ANY(:ids) AND state = 'doomed'""")


def _changed(session: Session, statement: TextClause, **values: object) -> list[UUID]:
    return list(session.scalars(statement, values))


# Reading.


def get(session: Session, file_id: UUID) -> File:
    """The file. Raises FileNotFound."""
    file = session.scalar(select(File).where(File.id == file_id, File.state == "ready"))
    if file is None:
        raise FileNotFound(f"There is no file {file_id}.", file_id=str(file_id))
    return file


def artifacts(session: Session, task_id: UUID) -> Sequence[File]:
    """What a completed task made, by name; nothing of one that has not completed."""
    return session.scalars(select(File).where(File.task_id == task_id, File.state == "ready").order_by(File.name)).all()


# Writing. First a row, then the content, then it becomes visible.


def reserve_upload(session: Session, file_id: UUID, *, name: str, media_type: str) -> None:
    """Say that an upload begins. `keep_writing` must say so again within UPLOAD_SECONDS."""
    values = {"id": file_id, "name": name, "media_type": media_type, "seconds": UPLOAD_SECONDS}
    session.execute(_RESERVE_UPLOAD, values)


def keep_writing(session: Session, file_id: UUID) -> bool:
    """Say that the upload goes on; False if it was given up meanwhile."""
    return bool(_changed(session, _KEEP_WRITING, id=file_id, seconds=UPLOAD_SECONDS))


def reserve_artifact(session: Session, claim: Claim, file_id: UUID, *, name: str, media_type: str) -> bool:
    """Say that the claim's attempt begins to store an artifact; False if the claim does not hold any more."""
    values = {"id": file_id, "task_id": claim.task_id, "fence": claim.fence, "name": name, "media_type": media_type}
    return bool(_changed(session, _RESERVE_ARTIFACT, **values))


def publish(session: Session, contents: Sequence[Content]) -> Sequence[File]:
    """Make them visible; returns those that were, not those that were given up meanwhile."""
    rows = select(File).from_statement(_PUBLISH).execution_options(populate_existing=True)
    values = {
        "ids": [content.file_id for content in contents],
        "sizes": [content.size_bytes for content in contents],
        "digests": [content.sha256 for content in contents],
    }
    return session.scalars(rows, values).all()


# Deleting. First the row says so, then the content goes, then that is noted.


def doom_upload(session: Session, file_id: UUID) -> None:
    """Nobody sees it from now on. Raises FileNotFound, and FileNotDeletable for an artifact."""
    if get(session, file_id).task_id is not None:
        raise FileNotDeletable(f"File {file_id} is an artifact.")
    _changed(session, _DOOM_READY, id=file_id)


def doom_writing(session: Session, file_id: UUID) -> bool:
    """Give an upload up that is not visible yet; False if it is, or was given up before."""
    return bool(_changed(session, _DOOM_WRITING, id=file_id))


def doom_attempt(session: Session, claim: Claim) -> list[UUID]:
    """Give up what the claim's attempt has stored, unless it became visible; returns the ids."""
    return _changed(session, _DOOM_ATTEMPT, task_id=claim.task_id, fence=claim.fence)


def doom_abandoned(session: Session) -> int:
    """Give up what nobody writes any more, up to BATCH; returns how many."""
    return len(_changed(session, _DOOM_ABANDONED, batch=BATCH))


def doom_old_uploads(session: Session, *, seconds: float) -> int:
    """Let uploads go that are older than this, up to BATCH; returns how many."""
    return len(_changed(session, _DOOM_OLD_UPLOADS, seconds=seconds, batch=BATCH))


def due(session: Session) -> list[UUID]:
    """Ids whose content is to be deleted now, up to BATCH."""
    return _changed(session, _DUE, batch=BATCH)


def note_deleted(session: Session, file_ids: Sequence[UUID]) -> None:
    """Their content was deleted. The rows stay until it was a second time, LINGER_SECONDS later."""
    session.execute(_NOTE_DELETED, {"ids": list(file_ids), "seconds": LINGER_SECONDS})
