"""The leading dispatcher's thread that deletes contents nobody needs: old uploads, what failed attempts left."""

import threading
from collections.abc import Callable

import structlog

from atropos_core import files
from atropos_core.db import is_outage
from atropos_core.errors import StorageUnavailable
from atropos_worker.runtime import Runtime

#: Seconds in a day.
DAY = 86_400

log = structlog.get_logger("atropos.files")


class FileSweep:
    """A thread of its own, since the store may take its time."""

    def __init__(self, runtime: Runtime, leads: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._leads = leads
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file-sweep", daemon=True)

    def start(self) -> None:
        """Sweep from now on, while this dispatcher leads and there is a store."""
        if self._runtime.storage.configured:
            self._thread.start()

    def stop(self) -> None:
        """End after the batch that is under way, or leave it to the next dispatcher after a second."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1)

    def _run(self) -> None:
        while not self._stopping.wait(self._runtime.settings.file_sweep_seconds):
            try:
                while self._leads() and not self._stopping.is_set() and self.sweep() == files.BATCH:
                    pass
            except Exception as error:
                if is_outage(error) or isinstance(error, StorageUnavailable):
                    log.warning("atropos.files.sweep_failed", error=str(error).splitlines()[0])
                else:
                    log.exception("atropos.files.sweep_failed")

    def sweep(self) -> int:
        """One batch; returns how many contents it deleted. Raises StorageUnavailable."""
        days = self._runtime.settings.retention_uploads_days
        with self._runtime.database.transaction() as session:
            files.doom_abandoned(session)
            if days is not None:
                files.doom_old_uploads(session, seconds=days * DAY)
        with self._runtime.database.transaction() as session:
            due = files.due(session)
        self._runtime.storage.discard(due)
        if due:
            with self._runtime.database.transaction() as session:
                files.note_deleted(session, due)
        return len(due)
