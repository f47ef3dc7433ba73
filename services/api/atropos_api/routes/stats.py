"""What can be submitted, who works, and how it goes."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from atropos_api.cluster import PodView, PoolView
from atropos_api.deps import ClusterDep, SessionDep, SettingsDep, TaskTypesDep
from atropos_api.schemas import FromAttributes, TaskTypeView
from atropos_core import queries
from atropos_core.lifecycle import EventType
from atropos_core.statistics import BUCKETS

router = APIRouter(tags=["overview"])
ClusterProblem = Annotated[
    str | None, Field(description="Why Kubernetes does not tell all; null when it does, and outside of it.")
]


class WorkerView(FromAttributes):
    """A worker process that gave a sign of life lately."""

    id: str
    hostname: str = Field(description="In Kubernetes, the `name` of its pod.")
    pid: int
    queues: list[str]
    slots: int = Field(description="Tasks it can run at the same time.")
    draining: bool = Field(description="It was asked to go, and finishes what it runs.")
    started_at: datetime
    seen_at: datetime
    running: list[UUID] = Field([], description="The tasks it runs now.")


class Workers(BaseModel):
    """Processes as they report themselves, and pods as Kubernetes sees them: a pod that starts has no process yet."""

    workers: list[WorkerView]
    pods: list[PodView] | None = Field(
        description="At most 500; a pod's `name` is its worker's `hostname`. Null when Kubernetes tells none."
    )
    cluster_problem: ClusterProblem


class QueueStats(BaseModel):
    """The work of one queue that is not done."""

    queue: str
    pending: int = Field(description="Due, and waiting for a worker.")
    scheduled: int = Field(description="Pending, and due later.")
    processing: int
    oldest_seconds: float = Field(description="How long the oldest due task has waited.")


class Durations(BaseModel):
    """Two histograms, counted since the beginning: by what two answers differ is what happened between them."""

    bounds: list[float] = Field(description="Upper bounds of the buckets, in seconds; the last bucket has none.")
    waiting: list[int] = Field(description="For each bucket the attempts that began so long after they were due.")
    running: list[int] = Field(description="For each bucket the attempts that ended so long after they began.")


class Stats(BaseModel):
    """Counts of events come from the event log, added up a moment behind; the queues are exact."""

    queues: list[QueueStats]
    totals: dict[EventType, int] = Field(description="Since the beginning.")
    last_hour: dict[EventType, int]
    durations: Durations
    pools: list[PoolView] | None = Field(
        description="The Deployments of workers. Null when Kubernetes tells none, such as outside of it."
    )
    cluster_problem: ClusterProblem


@router.get("/task-types")
def list_task_types(task_types: TaskTypesDep) -> dict[str, list[TaskTypeView]]:
    """Every task type, with the JSON Schema of its parameters."""
    views = [
        TaskTypeView(
            name=task_type.name,
            description=task_type.description,
            queue=task_type.queue,
            timeout_seconds=task_type.timeout_seconds,
            max_retries=task_type.max_retries,
            concurrency_limit=task_type.concurrency_limit,
            concurrency_key=getattr(task_type.concurrency_key, "__name__", task_type.concurrency_key),
            rate_per_second=task_type.rate_per_second,
            parameters=task_type.parameters.model_json_schema(),
            example=task_type.example,
        )
        for task_type in task_types.values()
    ]
    return {"task_types": views}


@router.get("/workers")
def list_workers(cluster: ClusterDep, session: SessionDep, settings: SettingsDep) -> Workers:
    """The workers, what each runs, and in Kubernetes their pods."""
    seen = cluster.look()  # before the first statement, which takes a connection: no transaction waits for Kubernetes
    running = queries.running_tasks(session)
    processes = queries.live_processes(session, timeout=settings.process_timeout_seconds, role="worker")
    views = [WorkerView.model_validate(process) for process in processes]
    return Workers(
        workers=[view.model_copy(update={"running": running.get(view.id, [])}) for view in views],
        pods=seen.pods if seen else None,
        cluster_problem=seen.problem if seen else None,
    )


@router.get("/stats")
def get_stats(cluster: ClusterDep, session: SessionDep) -> Stats:
    """How much waits, runs and was done, and in Kubernetes how many pods there are for it."""
    seen = cluster.look()  # before the first statement, as above
    waiting, running = queries.duration_counts(session)
    return Stats(
        queues=[QueueStats.model_validate(row) for row in queries.live_counts(session)],
        totals=queries.event_totals(session),
        last_hour=queries.event_totals(session, since=datetime.now(UTC) - timedelta(hours=1)),
        durations=Durations(bounds=list(BUCKETS), waiting=waiting, running=running),
        pools=seen.pools if seen else None,
        cluster_problem=seen.problem if seen else None,
    )
