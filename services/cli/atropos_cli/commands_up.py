"""`up` and `dev`: the whole service on this machine, by atropos_cli.up."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from atropos_cli import output
from atropos_cli.exit_codes import ExitCode

Host = Annotated[str, typer.Option(envvar="ATROPOS_API_HOST", help="Address the API listens on.")]
Port = Annotated[int, typer.Option(envvar="ATROPOS_API_PORT", min=1, max=65535, help="Port the API listens on.")]
Workers = Annotated[int, typer.Option(min=1, help="Worker processes.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Tasks that each worker runs at the same time.")]
DataDirectory = Annotated[Path, typer.Option(help="Folder that keeps PostgreSQL's and Valkey's data.")]
#: What the extra `up` installs; the processes of `up` import it.
NEEDED = ("atropos_api", "atropos_worker", "psycopg2", "redis")


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    concurrency: Concurrency = None,
    data_directory: DataDirectory = Path(".atropos"),
) -> None:
    """Run everything on this machine: PostgreSQL, Valkey, API, dispatcher, workers. Ctrl-C stops it.

    With ATROPOS_DATABASE_URL or ATROPOS_REDIS_URL set, that server is used instead of an own one.
    """
    _run(host, port, workers, concurrency, data_directory)


def dev(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    concurrency: Concurrency = None,
    data_directory: DataDirectory = Path(".atropos"),
) -> None:
    """As `up`, and start workers, and the API if need be, anew when files of installed task types change.

    A task that runs meanwhile gets 3 seconds, or ATROPOS_DRAIN_SECONDS, to end; otherwise the new code starts it again.
    """
    _run(host, port, workers, concurrency, data_directory, reload=True)


def _run(
    host: str, port: int, workers: int, concurrency: int | None, data_directory: Path, *, reload: bool = False
) -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        output.complain(f"`atropos up` needs {', '.join(missing)}: pip install 'atropos-cli[up]'")
        raise typer.Exit(ExitCode.USAGE)
    from atropos_cli.up import up as run

    code = run(
        host=host, port=port, workers=workers, concurrency=concurrency, data_directory=data_directory, reload=reload
    )
    raise typer.Exit(code)
