"""Makes the FastAPI application. `python -m atropos_api` serves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from atropos_api import metrics, openapi, page, problems
from atropos_api.body_limit import BodyLimit
from atropos_api.cluster import Cluster
from atropos_api.feed import Feed
from atropos_api.routes import events, files, graph, health, logs, stats, tasks
from atropos_api.submitter import Submitter
from atropos_api.trace_context import TELEMETRY, TraceContext
from atropos_api.transfers import Transfers
from atropos_api.watch import Watcher
from atropos_core.catalog import placed, task_types
from atropos_core.db import Database
from atropos_core.events import Hints, connect_redis
from atropos_core.settings import Settings, get_settings
from atropos_core.storage import Storage
from atropos_core.tracing import shutdown_tracing

DESCRIPTION = """Long-running tasks over HTTP: safe in PostgreSQL before the answer leaves, run by workers that scale,
retried when they fail, with an exact history. Errors are RFC 9457 problem documents."""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.watcher = Watcher(settings.redis_address)
    app.state.feed = Feed(app.state.database, app.state.watcher, maximum=settings.max_streams)
    following = [asyncio.create_task(app.state.watcher.run()), asyncio.create_task(app.state.feed.run())]
    yield
    for task in following:
        task.cancel()
    # Bounded: a cancel that arrives while redis-py connects can be swallowed there.
    await asyncio.wait(following, timeout=2)
    app.state.cluster.close()
    app.state.redis.close()
    app.state.database.close()
    # Not after the server's run, which ends by raising the signal again that stopped it.
    shutdown_tracing()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, with everything it needs in `app.state`."""
    settings = settings or get_settings()
    app = FastAPI(
        title="Atropos",
        version=version("atropos-api"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,
        telemetry=TELEMETRY,
    )
    app.state.settings = settings
    app.state.task_types = placed(task_types(), settings.task_queues)
    app.state.database = Database(settings, name="api", statement_timeout=settings.statement_timeout_seconds)
    app.state.redis = connect_redis(settings)
    app.state.hints = Hints(app.state.redis)
    app.state.submitter = Submitter(app.state.database, app.state.hints)
    app.state.cluster = Cluster(settings)
    app.state.transfers = Transfers(app.state.database, Storage(settings))
    app.add_middleware(
        BodyLimit,
        batch=settings.max_body_bytes,
        parameters=settings.max_parameters_bytes,
        file=settings.max_file_bytes,
    )
    metrics.install(app)
    app.add_middleware(TraceContext)
    problems.install(app)
    app.include_router(tasks.submission_router(app.state.task_types))
    for router in (events.router, tasks.router, graph.router, logs.router, files.router, stats.router, health.router):
        app.include_router(router)
    openapi.install(app)
    page.install(app, settings)
    return app
