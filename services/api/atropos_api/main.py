"""Makes the FastAPI application. `python -m atropos_api` serves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from atropos_api import openapi, problems
from atropos_api.body_limit import BodyLimit
from atropos_api.routes import events, health, stats, tasks
from atropos_api.watch import Watcher
from atropos_core.catalog import task_types
from atropos_core.db import Database
from atropos_core.events import Hints, connect_redis
from atropos_core.settings import Settings, get_settings

DESCRIPTION = """Long-running tasks over HTTP: safe in PostgreSQL before the answer leaves, run by workers that scale,
retried when they fail, with an exact history. Errors are RFC 9457 problem documents."""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.watcher = Watcher(settings.redis_url)
    following = asyncio.create_task(app.state.watcher.run())
    yield
    following.cancel()
    # Bounded: a cancel that arrives while redis-py connects can be swallowed there.
    await asyncio.wait([following], timeout=2)
    app.state.redis.close()
    app.state.database.close()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, with everything it needs in `app.state`."""
    settings = settings or get_settings()
    app = FastAPI(
        title="Atropos",
        version=version("atropos-api"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings
    app.state.task_types = task_types()
    app.state.database = Database(settings, name="api", statement_timeout=settings.statement_timeout_seconds)
    app.state.redis = connect_redis(settings)
    app.state.hints = Hints(app.state.redis)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    problems.install(app)
    app.include_router(tasks.submission_router(app.state.task_types))
    for router in (events.router, tasks.router, stats.router, health.router):
        app.include_router(router)
    openapi.install(app)
    return app
