"""What one run keeps for the next attempt: stored at once, read when asked for. The context's, for its handler."""

import json
import threading
from collections.abc import Callable
from typing import Any

from atropos_core import checkpoints, json_values
from atropos_core.handling import Stopped
from atropos_core.tasks import Claim
from atropos_worker.runtime import Runtime


class Checkpoints:
    """Belongs to one run."""

    def __init__(self, here: Runtime, claim: Claim) -> None:
        self._here = here
        self._claim = claim
        #: A task that was never claimed before has none, and is asked nothing.
        self._known = claim.fence == 1
        self._last: Any | None = None
        self._lock = threading.Lock()
        #: The main thread is storing one: what interrupts it waits until its connection is in order again.
        self._storing = False
        self._put_off: Callable[[], Stopped] | None = None

    @property
    def last(self) -> Any | None:
        """The newest one. Tried over an outage of the database for as long as a lease."""
        with self._lock:
            if not self._known:
                self._last, self._known = self._unbroken(self._read), True
            return self._last

    def keep(self, value: Any) -> None:
        """Store it. Raises ValueNotStorable, or Stopped if the claim holds no more."""
        text = json_values.encode(value, limit=self._here.settings.max_checkpoint_bytes, name="The checkpoint")
        with self._lock:
            if not self._unbroken(lambda: self._store(text)):
                raise Stopped("the task is no longer this attempt's")
            self._last, self._known = json.loads(text), True

    def put_off(self, interruption: Callable[[], Stopped]) -> bool:
        """Whether the main thread is busy with one, and raises this when it is done. Called in the main thread."""
        if self._storing:
            self._put_off = interruption
        return self._storing

    def _store(self, text: str) -> bool:
        seconds = self._here.settings.lease_seconds
        return self._here.database.retrying(
            lambda session: checkpoints.keep(session, self._claim, text), seconds=seconds
        )

    def _read(self) -> Any | None:
        seconds = self._here.settings.lease_seconds
        return self._here.database.retrying(
            lambda session: checkpoints.last(session, self._claim.task_id), seconds=seconds
        )

    def _unbroken(self, work: Callable[[], Any]) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return work()
        self._storing = True
        try:
            return work()
        finally:
            self._storing = False
            if self._put_off is not None:
                interruption, self._put_off = self._put_off, None
                raise interruption()
