"""What a child has claimed: one task, or short ones that it runs one after the other and settles together."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from atropos_core.lifecycle import ReleaseReason
from atropos_core.models import Task
from atropos_core.tasks import Claim
from atropos_worker.checkpoints import Checkpoints
from atropos_worker.context import TaskContext
from atropos_worker.log_lines import LogLines
from atropos_worker.outcome import Completed, Outcome, Released
from atropos_worker.runtime import Runtime
from atropos_worker.spans import AttemptSpans


class Run:
    """One attempt in this process."""

    def __init__(self, task: Task, spans: AttemptSpans, here: Runtime, *, claimed: float) -> None:
        """`claimed` is when its claim began, in `time.monotonic()`: PostgreSQL counts the lease from there."""
        self.task = task
        self.spans = spans
        self.claim = Claim(task_id=task.id, fence=task.fence)
        settings = here.settings
        lines = LogLines(maximum=settings.log_lines_per_attempt, line_bytes=settings.log_line_bytes)
        self.context = TaskContext(task, lines, Checkpoints(here, self.claim))
        self.started = self.renewed = claimed
        self.next_renewal = claimed + settings.heartbeat_seconds
        #: When lines were last written, or tried to be.
        self.flushed = claimed
        self.stopped_at: float | None = None
        self.interrupted = False
        #: True only while the handler's own code runs; written and read in the main thread.
        self.in_handler = False
        self._settled = threading.Lock()

    def start(self) -> None:
        """Its turn has come."""
        self.started = self.flushed = time.monotonic()

    def take(self) -> bool:
        """True for the first of handler and keeper that settles this run; the other keeps out."""
        return self._settled.acquire(blocking=False)

    @property
    def log_fields(self) -> dict[str, object]:
        """What each line of the log about it has."""
        fields = {"task_id": str(self.task.id), "attempt": self.task.attempt, "task_type": self.task.task_type}
        return fields if self.spans.trace_id is None else {**fields, "trace_id": self.spans.trace_id}

    @property
    def taken(self) -> bool:
        """Whether somebody settles it, or did."""
        return self._settled.locked()


@dataclass(frozen=True)
class Ended:
    """A run, and what came of it."""

    run: Run
    outcome: Outcome
    #: How long its handler ran.
    seconds: float

    @property
    def size(self) -> int:
        """The bytes of its result, about."""
        return len(self.outcome.result) if isinstance(self.outcome, Completed) else 0


class Batch:
    """The runs of one message. The main thread runs them; the lease keeper takes the others from a long one's way."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._waiting = deque(runs)
        self._ended: list[Ended] = []
        self._lock = threading.Lock()
        #: The one whose turn it is.
        self.current: Run | None = None
        #: The bytes of results that wait to be settled, about.
        self.size = 0

    def next(self) -> Run | None:
        """The next run, from now on the current one; none when all have had their turn, or were given back."""
        with self._lock:
            run = self._waiting.popleft() if self._waiting else None
            if run is not None:
                run.start()
            self.current = run
        return run

    def end(self, ended: Ended) -> None:
        """Keep it until it is settled."""
        with self._lock:
            self._ended.append(ended)
            self.size += ended.size

    def take_ended(self) -> list[Ended]:
        """Those that are to be settled, each handed out once."""
        with self._lock:
            ended, self._ended, self.size = self._ended, [], 0
        return ended

    def take_others(self) -> list[Ended]:
        """The same, and those that wait for the current one: they are to be given back."""
        with self._lock:
            waiting = [Ended(run, Released(ReleaseReason.HELD_UP), 0.0) for run in self._waiting]
            self._waiting.clear()
        return [*self.take_ended(), *waiting]
