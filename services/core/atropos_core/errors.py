"""Every expected failure of the domain. The API turns each into a problem document: `type`, title and status."""

from collections.abc import Mapping
from typing import Any, ClassVar


class AtroposError(Exception):
    """The base: `slug` is the stable end of the problem's `type`, `status` its HTTP status."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra


class TaskNotFound(AtroposError):
    slug, title, status = "task-not-found", "There is no such task", 404


class TaskNotFinished(AtroposError):
    slug, title, status = "task-not-finished", "The task has no result yet", 409


class TaskNotCancellable(AtroposError):
    slug, title, status = "task-not-cancellable", "The task has already ended", 409


class TaskNotRetryable(AtroposError):
    slug, title, status = "task-not-retryable", "Only a failed or cancelled task can be retried", 409


class IdempotencyKeyReused(AtroposError):
    slug, title, status = "idempotency-key-reused", "The key was used for another request", 422


class DependencyNotFound(AtroposError):
    slug, title, status = "dependency-not-found", "It depends on a task that does not exist", 422


class ValueNotStorable(AtroposError):
    slug, title, status = "value-not-storable", "The value cannot be stored as JSON", 422


class TaskTypeBroken(AtroposError):
    slug, title, status = "task-type-broken", "The task type cannot take these parameters", 500


class CursorInvalid(AtroposError):
    slug, title, status = "cursor-invalid", "The cursor or event id is not one that this API gave out", 422


class FileNotFound(AtroposError):
    slug, title, status = "file-not-found", "There is no such file", 404


class FileNotDeletable(AtroposError):
    slug, title, status = "file-not-deletable", "The file belongs to a task and goes with it", 409


class FileLost(AtroposError):
    slug, title, status = "file-lost", "The content of the file is not in the store any more", 410


class DigestMismatch(AtroposError):
    slug, title, status = "digest-mismatch", "The content is not what its digest says", 400


class StorageNotConfigured(AtroposError):
    slug, title, status = "storage-not-configured", "There is no store for files", 503


class StorageUnavailable(AtroposError):
    slug, title, status = "storage-unavailable", "The store for files is unavailable", 503


class DatabaseUnavailable(AtroposError):
    slug, title, status = "database-unavailable", "The database does not answer", 503


class SchemaOutdated(AtroposError):
    slug, title, status = "schema-outdated", "The database schema is older than this code", 503
