"""The Python client of Atropos: `Client` blocks, `AsyncClient` is for asyncio. docs/clients.md shows their use."""

from atropos_client.async_client import DEFAULT_URL, AsyncClient
from atropos_client.client import Client
from atropos_client.documents import (
    ENDED,
    BulkResult,
    DependencyFailure,
    EntryReference,
    Event,
    File,
    Filter,
    LogLine,
    State,
    Submission,
    SubmitOptions,
    Task,
    TaskError,
    TaskGraph,
    TaskResult,
    TaskStatus,
    TaskSummary,
    TaskType,
)
from atropos_client.errors import (
    ApiUnreachable,
    AtroposError,
    ChecksumMismatch,
    ProblemError,
    StreamUnavailable,
    TaskCancelled,
    TaskFailed,
    TaskUnsuccessful,
    WaitTimeout,
)
from atropos_client.following import Observer
from atropos_client.mapping import MapProgress
from atropos_client.progress import ProgressBar

__all__ = [
    "DEFAULT_URL",
    "ENDED",
    "ApiUnreachable",
    "AsyncClient",
    "AtroposError",
    "BulkResult",
    "ChecksumMismatch",
    "Client",
    "DependencyFailure",
    "EntryReference",
    "Event",
    "File",
    "Filter",
    "LogLine",
    "MapProgress",
    "Observer",
    "ProblemError",
    "ProgressBar",
    "State",
    "StreamUnavailable",
    "Submission",
    "SubmitOptions",
    "Task",
    "TaskCancelled",
    "TaskError",
    "TaskFailed",
    "TaskGraph",
    "TaskResult",
    "TaskStatus",
    "TaskSummary",
    "TaskType",
    "TaskUnsuccessful",
    "WaitTimeout",
]
