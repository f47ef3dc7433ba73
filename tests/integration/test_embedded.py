"""The embedded PostgreSQL and Valkey: real servers, stopped, killed, and started on what is left of them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis

from atropos_cli.embedded import PostgresServer, RedisServer, Server, ServerError
from atropos_cli.embedded.binaries import postgres_bin_directory

QUICK = {"fsync": "off"}


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path / "postgres", options=QUICK) as server:
        yield server


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", options={"appendfsync": "always"}) as server:
        yield server


@pytest.fixture(params=["postgres", "valkey"])
def server(request: pytest.FixtureRequest) -> Server:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Server)
    return found


def query(server: PostgresServer, sql: str) -> list[tuple[object, ...]]:
    """Run one statement as the server's user and return its rows."""
    address = server.url.replace("+psycopg2", "")
    with closing(psycopg2.connect(address)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def write(server: Server) -> None:
    if isinstance(server, PostgresServer):
        query(server, "CREATE TABLE kept AS SELECT 7 AS value")
    else:
        with closing(redis.Redis.from_url(server.url)) as client:
            client.set("kept", 7)


def read(server: Server) -> int:
    if isinstance(server, PostgresServer):
        return int(str(query(server, "SELECT value FROM kept")[0][0]))
    with closing(redis.Redis.from_url(server.url, decode_responses=True)) as client:
        return int(str(client.get("kept")))


def test_data_survive_a_stop(server: Server) -> None:
    """What was written before a clean stop is there after the next start."""
    write(server)
    server.stop()
    server.start()
    assert read(server) == 7


def test_data_survive_a_kill(server: Server) -> None:
    """What was written before a SIGKILL is there after the next start."""
    write(server)
    server.kill()
    server.start()
    assert read(server) == 7


def test_restart_keeps_the_address(server: Server) -> None:
    """A restarted server is a new process at the same address."""
    url, pid = server.url, server.pid
    server.restart()
    assert url == server.url
    assert pid != server.pid


def test_two_servers_get_different_ports(server: Server, tmp_path: Path) -> None:
    """Without a port of its own choice each server finds a free one."""
    with type(server)(tmp_path / "other" / "data") as other:
        assert other.port != server.port


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """A server that is told a port in use refuses, and says which."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} .* is taken"):
            PostgresServer(tmp_path / "postgres", port=port).start()


def test_kill_ends_every_process(postgres: PostgresServer) -> None:
    """No backend is left to answer after a kill, not even a busy one."""
    with closing(psycopg2.connect(postgres.url.replace("+psycopg2", ""))) as connection:
        backend = connection.info.backend_pid
        postgres.kill()
        with pytest.raises(psycopg2.OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    postgres.start()  # it waits until the last of them has gone
    assert not _is_running(backend)


def test_an_ended_server_is_noticed(server: Server) -> None:
    """The exit code tells that somebody else ended the server."""
    assert server.exit_code() is None
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    assert server.exit_code() == -signal.SIGKILL


def test_a_stale_pid_file_is_no_obstacle(postgres: PostgresServer) -> None:
    """After a power cut the id in PostgreSQL's pid file may belong to any process, such as this one."""
    write(postgres)
    pid_file = postgres.data_directory / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    postgres.kill()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    postgres.start()
    assert read(postgres) == 7


def test_an_interrupted_initdb_is_begun_anew(tmp_path: Path) -> None:
    """Half a cluster that an interrupted first start left is thrown away."""
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with PostgresServer(tmp_path / "postgres", options=QUICK) as server:
        assert query(server, "SELECT 1") == [(1,)]
    assert not half.exists()


def test_data_of_another_version_are_refused(postgres: PostgresServer) -> None:
    """A cluster of another major version is left alone, and the message names both versions."""
    postgres.stop()
    (postgres.data_directory / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerError, match=r"made by PostgreSQL 9, the programs here are \d+"):
        postgres.start()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """A folder that holds other files never becomes a cluster."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.txt").write_text("years of work")
    with pytest.raises(ServerError, match="holds no PostgreSQL data"):
        PostgresServer(tmp_path / "postgres").start()


def test_a_failed_start_shows_the_log(tmp_path: Path) -> None:
    """The error of a server that ends while starting holds what it wrote."""
    with pytest.raises(ServerError, match="no_such_setting"):
        PostgresServer(tmp_path / "postgres", options=QUICK | {"no_such_setting": "1"}).start()


def test_a_killed_launcher_leaves_a_usable_folder(server: Server, tmp_path: Path) -> None:
    """A server that outlived its launcher, or is just ending with it, gives the data folder up."""
    directory, kind = tmp_path / "orphan" / "data", type(server).__name__
    script = textwrap.dedent(f"""
        import os, pathlib, signal
        from atropos_cli.embedded import {kind}
        {kind}(pathlib.Path({str(directory)!r})).start()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    launcher = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert launcher.returncode == -signal.SIGKILL
    with type(server)(directory) as successor:
        write(successor)
        assert read(successor) == 7


def test_chosen_programs_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ATROPOS_PG_BINDIR wins over the wheel."""
    for name in ("postgres", "initdb"):
        shutil.copy(postgres_bin_directory() / name, tmp_path / name)
    monkeypatch.setenv("ATROPOS_PG_BINDIR", str(tmp_path))
    assert tmp_path.resolve() == postgres_bin_directory()


def test_a_wrong_choice_of_programs_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An ATROPOS_PG_BINDIR without the programs is an error, never silently another PostgreSQL."""
    monkeypatch.setenv("ATROPOS_PG_BINDIR", str(tmp_path))
    with pytest.raises(ServerError, match="ATROPOS_PG_BINDIR"):
        postgres_bin_directory()


def _is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and that nobody waits for does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.startswith("Z")
