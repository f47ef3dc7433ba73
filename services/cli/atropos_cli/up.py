"""The whole service on one machine: PostgreSQL, Valkey, API, dispatcher, workers; called by `atropos up`."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from atropos_cli.embedded import PostgresServer, RedisServer, Server, ServerError
from atropos_cli.reload import Changes
from atropos_cli.up_checks import (
    REQUEST_SECONDS,
    Refused,
    built_page,
    local_url,
    only_one,
    require_free_port,
    serves_page,
    takes_and_runs_tasks,
)
from atropos_cli.up_child import ChildProcess
from atropos_cli.up_console import Console
from atropos_cli.up_supervisor import Killed, Stopped, Supervisor

READY_SECONDS = 60.0
MIGRATION_SECONDS = 600.0
#: Who changes code waits for the new one: tasks are given back soon, and run by it.
DEV_DRAIN_SECONDS = "3"
EXIT_STOPPED, EXIT_FAILED, EXIT_REFUSED, EXIT_KILLED = 0, 1, 2, 130


class StartFailed(RuntimeError):
    """A part did not start; what it wrote is on the console."""


def up(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    concurrency: int | None = None,
    data_directory: Path = Path(".atropos"),
    reload: bool = False,
) -> int:
    """Run everything until SIGINT or SIGTERM and return the exit code.

    0 after a clean stop, 1 when a part did not start, 2 when the port or the data folder is in use, 130 after a
    second SIGINT. `concurrency` is the number of tasks that each worker runs at once; `reload` starts processes anew
    when the files of task types change.
    """
    plan = _Plan(host, port, workers, concurrency, data_directory, reload)
    try:
        with only_one(data_directory):
            require_free_port(host, port)
            return _run(plan)
    except Refused as refusal:
        sys.stderr.write(f"atropos: {refusal}\n")
        return EXIT_REFUSED


@dataclass(frozen=True)
class _Plan:
    host: str
    port: int
    workers: int
    concurrency: int | None
    data_directory: Path
    reload: bool


def _run(plan: _Plan) -> int:
    console = Console()
    supervisor = Supervisor(console)
    supervisor.catch_signals()
    code = EXIT_STOPPED
    try:
        try:
            supervisor.watch(_bring_up(plan, supervisor, console))
        except Stopped:
            pass
        except (ServerError, StartFailed, OSError) as error:
            console.note(str(error))
            code = EXIT_FAILED
        console.note("stopping")
        supervisor.stop()
        console.note("stopped")
    except Killed:
        supervisor.kill()
        code = EXIT_KILLED
    return code


def _reloader(environment: dict[str, str], console: Console) -> Callable[[], set[str]]:
    changes = Changes(environment)
    for folder in changes.folders:
        console.note(f"looks for changes in {folder}")
    if not changes.folders:
        console.note("there is no package with task types to look at: `atropos new-task NAME` makes one")
    return changes.stale


def _bring_up(plan: _Plan, supervisor: Supervisor, console: Console) -> Callable[[], set[str]] | None:
    """Start everything; returns what tells which roles have old code, if they are to be started anew."""
    began = time.monotonic()
    postgres = PostgresServer(plan.data_directory / "postgres", options={"max_connections": "200"})
    redis = RedisServer(plan.data_directory / "redis")
    database_url = _given("ATROPOS_DATABASE_URL", "DATABASE_URL") or _embedded(postgres, supervisor)
    redis_url = _given("ATROPOS_REDIS_URL", "REDIS_URL", "CELERY_BROKER_URL") or _embedded(redis, supervisor)
    environment = _environment(plan, database_url, redis_url)
    _migrate(environment, supervisor, console)
    # Before the processes import the code, so that no change is missed.
    stale = _reloader(environment, console) if plan.reload else None
    _start_processes(plan, environment, supervisor, console)
    with httpx.Client(base_url=local_url(plan.host, plan.port), timeout=REQUEST_SECONDS, trust_env=False) as api:
        if not supervisor.wait_for(lambda: takes_and_runs_tasks(api), READY_SECONDS):
            raise StartFailed(f"not everything started: a process ended, or {READY_SECONDS:.0f} s were not enough")
        page = (
            f"{api.base_url}" if serves_page(api) else "none: build it with `make page`, or set ATROPOS_PAGE_DIRECTORY"
        )
    _announce(plan, page, database_url, redis_url, time.monotonic() - began, console)
    return stale


def _given(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _embedded(server: Server, supervisor: Supervisor) -> str:
    supervisor.start(server)
    return server.url


def _environment(plan: _Plan, database_url: str, redis_url: str) -> dict[str, str]:
    page = built_page()
    defaults = {"ATROPOS_LOG_FORMAT": "console"} | ({"ATROPOS_PAGE_DIRECTORY": str(page)} if page else {})
    defaults["ATROPOS_STORAGE_URL"] = (plan.data_directory / "files").absolute().as_uri()
    if plan.reload:
        defaults |= {"ATROPOS_DRAIN_SECONDS": DEV_DRAIN_SECONDS}
    environment = defaults | dict(os.environ)
    environment |= {
        "ATROPOS_DATABASE_URL": database_url,
        "ATROPOS_REDIS_URL": redis_url,
        "ATROPOS_API_HOST": plan.host,
        "ATROPOS_API_PORT": str(plan.port),
        "PYTHONUNBUFFERED": "1",
    }
    if plan.concurrency is not None:
        environment["ATROPOS_WORKER_CONCURRENCY"] = str(plan.concurrency)
    return environment


def _migrate(environment: dict[str, str], supervisor: Supervisor, console: Console) -> None:
    migration = ChildProcess("migrate", _module("atropos_core.migrate", "--timeout", "10"), environment, console)
    migration.start()
    try:
        supervisor.wait_for(lambda: migration.exit_code() is not None, MIGRATION_SECONDS)
        if migration.exit_code() != 0:
            raise StartFailed("the migration of the database failed")
    finally:
        migration.stop()


def _start_processes(plan: _Plan, environment: dict[str, str], supervisor: Supervisor, console: Console) -> None:
    """Start what feeds the workers first; stopping goes the other way, so that the API takes nothing new."""
    drain_seconds = float(environment.get("ATROPOS_DRAIN_SECONDS") or 25) + 10
    names = ["worker"] if plan.workers == 1 else [f"worker-{number + 1}" for number in range(plan.workers)]
    supervisor.start(ChildProcess("dispatcher", _module("atropos_worker.dispatcher"), environment, console))
    supervisor.start(*(ChildProcess(n, _module("atropos_worker"), environment, console, drain_seconds) for n in names))
    supervisor.start(ChildProcess("api", _module("atropos_api"), environment, console))


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _announce(plan: _Plan, page: str, database_url: str, redis_url: str, seconds: float, console: Console) -> None:
    url = local_url(plan.host, plan.port)
    console.block(
        f"\nAtropos runs, {seconds:.1f} s after the start.\n\n"
        f"  API          {url}\n"
        f"  docs         {url}/docs\n"
        f"  page         {page}\n"
        f"  database     {_without_password(database_url)}\n"
        f"  Redis        {_without_password(redis_url)}\n"
        f"  data folder  {plan.data_directory.absolute()}\n\n"
        "Ctrl-C stops.\n\n"
    )


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@") if password else url
