"""Whether the service can take tasks, for people (`/health`) and for Kubernetes (`/livez`, `/readyz`)."""

import time
from http import HTTPStatus
from typing import Annotated, Literal, cast

import redis
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from atropos_api.deps import DatabaseDep, SettingsDep
from atropos_api.problems import problem_response
from atropos_core import queries
from atropos_core.db import Database, is_outage
from atropos_core.errors import SchemaOutdated
from atropos_core.migrate import require_schema
from atropos_core.settings import Settings

router = APIRouter(tags=["health"])


class Dependency(BaseModel):
    """A service behind this one."""

    status: Literal["ok", "unavailable"]
    detail: str | None = None
    seconds: float = Field(description="How long it took to answer.")


class WorkerCounts(BaseModel):
    """The workers that gave a sign of life lately."""

    active: int
    slots: int = Field(description="Tasks they can run at the same time.")
    busy: int = Field(description="Tasks that run now.")


class Health(BaseModel):
    """`ok`; `degraded` when tasks are taken but do not run; `unavailable` when none can be taken."""

    status: Literal["ok", "degraded", "unavailable"]
    database: Dependency
    broker: Dependency
    workers: WorkerCounts
    dispatchers: int
    queue_depth: int = Field(description="Due tasks that wait.")


@router.get("/health", response_model=Health, responses={503: {"model": Health, "description": "Cannot take tasks."}})
def get_health(request: Request, response: Response, database: DatabaseDep, settings: SettingsDep) -> Health:
    """Database, broker, workers and queue at a glance; 503 when no task can be taken."""
    database_state, workers, dispatchers, depth = _look_at_database(database, settings)
    broker_state = _look_at_broker(cast("redis.Redis", request.app.state.redis))
    working = broker_state.status == "ok" and workers.active and dispatchers
    status: Literal["ok", "degraded", "unavailable"] = "ok" if working else "degraded"
    if database_state.status == "unavailable":
        status, response.status_code = "unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    return Health(
        status=status,
        database=database_state,
        broker=broker_state,
        workers=workers,
        dispatchers=dispatchers,
        queue_depth=depth,
    )


@router.get("/livez")
async def get_liveness() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Database or broker away, or the schema is older."}})
def get_readiness(
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
    broker: Annotated[
        Literal["required", "optional"],
        Query(
            description="`optional` where being not ready means to get no requests: without a broker tasks are taken."
        ),
    ] = "required",
) -> Response:
    """Database and broker answer, and the schema is this code's."""
    states = {"database": _look_at_database(database, settings)[0]}
    if broker == "required":
        states["broker"] = _look_at_broker(cast("redis.Redis", request.app.state.redis))
    missing = {name: state.detail for name, state in states.items() if state.status != "ok"}
    if missing:
        detail = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        return problem_response("not-ready", "Not ready", HTTPStatus.SERVICE_UNAVAILABLE, detail)
    return Response('{"status":"ok"}', media_type="application/json")


def _look_at_database(database: Database, settings: Settings) -> tuple[Dependency, WorkerCounts, int, int]:
    started = time.monotonic()
    try:
        with database.transaction() as session:
            require_schema(session.connection())
            processes = queries.live_processes(session, timeout=settings.process_timeout_seconds)
            queues = queries.live_counts(session)
    except SchemaOutdated as error:
        return _unavailable(started, error.detail)
    except Exception as error:
        if not is_outage(error) and not isinstance(error, PoolTimeoutError):
            raise
        return _unavailable(started, "does not answer")
    workers = [process for process in processes if process.role == "worker"]
    counts = WorkerCounts(
        active=len(workers),
        slots=sum(process.slots for process in workers),
        busy=sum(queue["processing"] for queue in queues),
    )
    depth = sum(queue["pending"] for queue in queues)
    found = Dependency(status="ok", seconds=time.monotonic() - started)
    return found, counts, len(processes) - len(workers), depth


def _unavailable(started: float, detail: str) -> tuple[Dependency, WorkerCounts, int, int]:
    away = Dependency(status="unavailable", detail=detail, seconds=time.monotonic() - started)
    return away, WorkerCounts(active=0, slots=0, busy=0), 0, 0


def _look_at_broker(client: "redis.Redis") -> Dependency:
    started = time.monotonic()
    try:
        client.ping()
    except redis.RedisError:
        return Dependency(status="unavailable", detail="does not answer", seconds=time.monotonic() - started)
    return Dependency(status="ok", seconds=time.monotonic() - started)
