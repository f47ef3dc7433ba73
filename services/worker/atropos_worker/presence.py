"""Reports a worker or dispatcher to the database while it lives, so that people see who works."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import TextClause, text

from atropos_core.db import is_outage
from atropos_worker.runtime import Runtime

_REPORT = text("""
    INSERT INTO processes (id, role, hostname, pid, queues, slots, draining)
    VALUES (:id, :role, :hostname, :pid, :queues, :slots, :draining)
    ON CONFLICT (id) DO UPDATE SET seen_at = now(), draining = excluded.draining""")
_LEAVE = text("DELETE FROM processes WHERE id = :id OR seen_at < now() - make_interval(secs => :forgotten)")
#: A process that vanished without a word is kept for this many seconds, for people to wonder about.
FORGOTTEN_SECONDS = 86_400

log = structlog.get_logger("atropos.presence")


class Presence:
    """A thread that reports every few seconds, and once more when asked to go."""

    def __init__(self, runtime: Runtime, *, queues: tuple[str, ...] = (), slots: int = 0) -> None:
        self._runtime = runtime
        self._row = {
            "id": runtime.name,
            "role": runtime.name.partition("@")[0],
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "queues": list(queues),
            "slots": slots,
            "draining": False,
        }
        self._wake = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._keep_reporting, name="presence", daemon=True)

    def start(self) -> None:
        """Report from now on."""
        self._thread.start()

    def drain(self) -> None:
        """Report that the process was asked to go. Returns at once: it is called in a signal handler."""
        self._row["draining"] = True
        self._wake.set()

    def leave(self) -> None:
        """Take the report back."""
        self._leaving = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _keep_reporting(self) -> None:
        while not self._leaving:
            self._try(lambda: self._execute(_REPORT, self._row))
            self._wake.wait(self._runtime.settings.process_heartbeat_seconds)
            self._wake.clear()
        self._try(lambda: self._execute(_LEAVE, {"id": self._row["id"], "forgotten": FORGOTTEN_SECONDS}))

    def _execute(self, statement: TextClause, values: dict[str, Any]) -> None:
        with self._runtime.database.transaction() as session:
            session.execute(statement, values)

    def _try(self, report: Callable[[], None]) -> None:
        try:
            report()
        except Exception as error:
            if not is_outage(error):
                log.exception("atropos.presence.failed")
            else:
                log.warning("atropos.presence.not_reported", error=str(error))
