"""Requests for tasks, checked and not stored yet, and what they become. core/tasks.py stores them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from atropos_core.lifecycle import DependencyFailure, TaskStatus, new_task_id


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """A validated request for a task. `parameters` and `labels` are JSON that jsonb can hold (see json_values)."""

    task_type: str
    queue: str
    parameters: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)
    #: 0 to 9; greater runs sooner.
    priority: int = 5
    max_retries: int = 3
    #: Seconds that one attempt may run.
    timeout_seconds: float | None = None
    #: When it is due; none means now, or after `delay_seconds`.
    run_at: datetime | None = None
    delay_seconds: float = 0
    idempotency_key: str | None = None
    idempotency_fingerprint: str | None = None
    traceparent: str | None = None
    #: What the dispatcher keeps to: see limits.py.
    limits: dict[str, Any] | None = None
    #: Tasks that are to end first: stored ones, or earlier drafts of the same call. None if there are none.
    depends_on: Sequence[UUID] | None = None
    #: Given if, and only if, it depends on others.
    on_dependency_failure: DependencyFailure | None = None
    id: UUID = field(default_factory=new_task_id)


@dataclass(frozen=True)
class Submitted:
    """A draft that is stored as a task."""

    draft: TaskDraft
    created_at: datetime
    #: When it is due.
    run_at: datetime
    #: Pending, unless it has ended at once with a task that it depends on and that ended before.
    status: TaskStatus = TaskStatus.PENDING

    @property
    def id(self) -> UUID:
        """The id of the task."""
        return self.draft.id

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, if it has."""
        return None if self.status is TaskStatus.PENDING else self.created_at
