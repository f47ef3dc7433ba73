"""Requests to submit many tasks at once, and the drafts that are made of them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, FailFast, Field, create_model

from atropos_api.schemas import Body
from atropos_api.submission import MAXIMUM_BATCH, Idempotency, Submission
from atropos_core.catalog import TaskType
from atropos_core.drafts import TaskDraft
from atropos_core.settings import Settings


def batch_model(submission: Any) -> type[BaseModel]:
    """The type of a batch of submissions."""
    return create_model(
        "Batch",
        __base__=Body,
        # Of the first wrong task only it is told what is wrong: 10,000 with all their mistakes would fill the memory.
        tasks=(Annotated[list[submission], FailFast(), Field(min_length=1, max_length=MAXIMUM_BATCH)], ...),
    )


def batch_drafts(
    requests: Sequence[Submission],
    task_types: Mapping[str, TaskType],
    settings: Settings,
    *,
    idempotency_key: str | None,
) -> list[TaskDraft]:
    """Their drafts, in their order. Raises as `Submission.draft` does."""
    fingerprint = "" if idempotency_key is None else _fingerprint(requests)
    drafts: list[TaskDraft] = []
    for index, request in enumerate(requests):
        # The key of a task that was submitted alone has no line break, as no header has one.
        idempotency = None if idempotency_key is None else Idempotency(f"{idempotency_key}\n{index}", fingerprint)
        task_type = task_types[request.task_type]
        drafts.append(request.draft(task_type, settings, idempotency=idempotency, earlier=drafts))
    return drafts


def _fingerprint(requests: Sequence[Submission]) -> str:
    """Of all of them: a batch with one more is another request."""
    return hashlib.sha256("".join(request.fingerprint() for request in requests).encode()).hexdigest()
