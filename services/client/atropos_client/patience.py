"""When a call is made again: how long an outage of the API is waited out, and for how long a call may take at all."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from atropos_client.errors import AtroposError, WaitTimeout

#: Seconds before a call is made again; doubled each time, up to the second.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
#: Seconds for which an API that is away is asked again.
PATIENCE_SECONDS = 30.0


class Deadline:
    """The moment at which the time for a wait is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left. Raises WaitTimeout when there are none."""
        remaining = self._at - time.monotonic()
        if remaining <= 0:
            raise WaitTimeout(f"the task had not ended after {self._seconds:g} s")
        return remaining


@dataclass(frozen=True)
class Patience:
    """How a client takes outages of the API."""

    #: How long one is waited out; 0 means not at all.
    seconds: float = PATIENCE_SECONDS
    #: Called with a sentence when one begins.
    on_outage: Callable[[str], None] | None = None
    deadline: Deadline | None = None

    def within(self, seconds: float) -> float:
        """So many seconds, or fewer if the deadline is nearer. Raises WaitTimeout when it has passed."""
        return min(seconds, self.deadline.remaining()) if self.deadline else seconds


class Outage:
    """One outage, from the first call that failed to the next success."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.over()

    def over(self) -> None:
        """The API has answered."""
        self._ends: float | None = None
        self._pause = FIRST_PAUSE_SECONDS

    def pause_after(self, error: AtroposError) -> float:
        """Seconds to wait before the next call. Raises the error when that would not help, or patience is at an end.

        Half of the pause is left to chance, so that clients of one outage do not return at the same moment.
        """
        now = time.monotonic()
        began = self._ends is None
        if self._ends is None:
            self._ends = now + self._patience.seconds
        pause = error.retry_after or self._pause * random.uniform(0.5, 1)  # noqa: S311 - no secret
        if not error.temporary or now + pause > self._ends:
            raise error
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        if began and self._patience.on_outage:
            self._patience.on_outage(str(error))
        return self._patience.within(pause)
