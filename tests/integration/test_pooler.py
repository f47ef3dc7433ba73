"""Behind PgBouncer in its mode `transaction`, which gives each transaction another connection."""

import getpass
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from atropos_cli.embedded.identity import postgres_identity
from atropos_cli.embedded.ports import free_port
from atropos_core.db import Database
from atropos_core.settings import Settings
from tests.stack import Stack, wait_until

#: Connections that PgBouncer keeps to PostgreSQL, far fewer than its clients want.
SERVER_CONNECTIONS = 3


@pytest.fixture
def pooled(own_stack: Stack, tmp_path: Path) -> Iterator[str]:
    """The address of a PgBouncer in front of the stack's PostgreSQL."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("there is no PgBouncer: apt install pgbouncer")
    port, folder = free_port(), tmp_path / "pgbouncer"
    folder.mkdir()
    (folder / "users").write_text('"atropos" ""\n')
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(f"""
[databases]
atropos = host=127.0.0.1 port={own_stack.postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder / "users"}
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
""")
    # It refuses to run as root, as PostgreSQL does.
    identity = postgres_identity(Path(program), folder)
    assert identity is not None, f"{getpass.getuser()} finds no way to start PgBouncer"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*identity.prefix, program, str(configuration)], stdout=log, stderr=log)
    url = f"postgresql+psycopg2://atropos@127.0.0.1:{port}/atropos"
    try:
        database = Database(Settings(database_url=url, database_pooler=True), name="test")
        wait_until(lambda: _answers(database), what=lambda: (folder / "log").read_text())
        database.close()
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(database: Database) -> bool:
    try:
        with database.transaction() as session:
            return session.scalar(text("SELECT true")) is True
    except OperationalError:
        return False


def test_tasks_run_behind_a_pooler(own_stack: Stack, pooled: str) -> None:
    """200 tasks and a retry, by processes that all reach PostgreSQL through three connections."""
    behind = {"database_url": pooled, "database_pooler": "true"}
    for name in ("api", "dispatcher", "worker"):
        own_stack.start(name, **behind, worker_concurrency="4")
    own_stack.wait_for_api()
    body = {"tasks": [{"task_type": "default", "parameters": {"processing_time": 0.02}}] * 200}
    assert own_stack.http.post("/tasks/batch", json=body).status_code == 202
    retried = own_stack.submit(parameters={"fail": 1})
    unfinished = "SELECT count(*) FROM tasks WHERE status IN ('pending', 'processing')"
    wait_until(lambda: own_stack.sql(unfinished)[0][0] == 0, seconds=60, what="all tasks to end")
    assert (own_stack.task(retried)["status"], own_stack.task(retried)["attempt"]) == ("completed", 2)
    assert own_stack.sql("SELECT DISTINCT status, attempt FROM tasks WHERE id != %s", retried) == [("completed", 1)]
    clients = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'atropos-%%'"
    assert own_stack.sql(f"{clients} AND application_name != 'atropos-test'")[0][0] <= SERVER_CONNECTIONS


def test_the_time_limit_of_statements_stays_with_its_transactions(pooled: str) -> None:
    """A transaction of the API is limited; the next one of somebody else, on the same connection, is not."""
    settings = Settings(database_url=pooled, database_pooler=True)
    limited = Database(settings, name="limited", statement_timeout=0.2)
    with pytest.raises(OperationalError, match="statement timeout"), limited.transaction() as session:
        session.execute(text("SELECT pg_sleep(20)"))
    free = Database(settings, name="free")
    with free.transaction() as session:
        assert session.scalar(text("SHOW statement_timeout")) == "0"
    limited.close()
    free.close()


def test_a_migration_behind_a_pooler_is_refused(own_stack: Stack) -> None:
    """Its lock belongs to a connection, which a pooler would hand to others."""
    environment = {**own_stack.environment(), "ATROPOS_DATABASE_POOLER": "true"}
    command = [sys.executable, "-m", "atropos_core.migrate"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "atropos.schema.behind_pooler" in done.stdout + done.stderr
