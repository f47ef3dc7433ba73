"""What can be submitted, who works, and how it goes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from atropos_api.deps import SessionDep, SettingsDep, TaskTypesDep
from atropos_api.schemas import FromAttributes, TaskTypeView
from atropos_core import queries
from atropos_core.lifecycle import EventType

router = APIRouter(tags=["overview"])


class WorkerView(FromAttributes):
    """A worker process that gave a sign of life lately."""

    id: str
    hostname: str
    pid: int
    queues: list[str]
    slots: int = Field(description="Tasks it can run at the same time.")
    draining: bool = Field(description="It was asked to go, and finishes what it runs.")
    started_at: datetime
    seen_at: datetime
    running: list[UUID] = Field([], description="The tasks it runs now.")


class QueueStats(BaseModel):
    """The work of one queue that is not done."""

    queue: str
    pending: int = Field(description="Due, and waiting for a worker.")
    scheduled: int = Field(description="Pending, and due later.")
    processing: int
    oldest_seconds: float = Field(description="How long the oldest due task has waited.")


class Stats(BaseModel):
    """Counts of events come from the event log, added up a moment behind; the queues are exact."""

    queues: list[QueueStats]
    totals: dict[EventType, int] = Field(description="Since the beginning.")
    last_hour: dict[EventType, int]


@router.get("/task-types")
def list_task_types(task_types: TaskTypesDep) -> dict[str, list[TaskTypeView]]:
    """Every task type, with the JSON Schema of its parameters."""
    views = [
        TaskTypeView(
            name=task_type.name,
            description=task_type.description,
            queue=task_type.queue,
            timeout_seconds=task_type.timeout_seconds,
            parameters=task_type.parameters.model_json_schema(),
            example=task_type.example,
        )
        for task_type in task_types.values()
    ]
    return {"task_types": views}


@router.get("/workers")
def list_workers(session: SessionDep, settings: SettingsDep) -> dict[str, list[WorkerView]]:
    """The workers, and what each runs."""
    running = queries.running_tasks(session)
    processes = queries.live_processes(session, timeout=settings.process_timeout_seconds, role="worker")
    views = [WorkerView.model_validate(process) for process in processes]
    return {"workers": [view.model_copy(update={"running": running.get(view.id, [])}) for view in views]}


@router.get("/stats")
def get_stats(session: SessionDep) -> Stats:
    """How much waits, runs and was done."""
    return Stats(
        queues=[QueueStats.model_validate(row) for row in queries.live_counts(session)],
        totals=queries.event_totals(session),
        last_hour=queries.event_totals(session, since=datetime.now(UTC) - timedelta(hours=1)),
    )
