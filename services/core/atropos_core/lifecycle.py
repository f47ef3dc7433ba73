"""The words of the domain: states, events, reasons, and the retry curve. Everything else is built on these."""

import os
import random
import threading
import time
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID


class TaskStatus(StrEnum):
    """Where a task stands. The same five words in the API, the database, the metrics and the page."""

    #: Waiting to run: new, retried, given back or scheduled. With a future `run_at` it is scheduled.
    PENDING = "pending"
    #: A worker owns it under a lease. Left by an outcome, or back to pending by a retry, a drain or a rescue.
    PROCESSING = "processing"
    #: Ended: the handler returned and its result is stored.
    COMPLETED = "completed"
    #: Ended: the handler failed for good, or its attempts ran out. A person may retry it.
    FAILED = "failed"
    #: Ended: somebody cancelled it, and it does not run any more. A person may retry it.
    CANCELLED = "cancelled"


class EventType(StrEnum):
    """What happened to a task. Every change of state leaves one, written by the same statement."""

    #: The task was accepted and stored.
    SUBMITTED = "submitted"
    #: A worker claimed it: pending → processing.
    STARTED = "started"
    #: Its handler reported progress.
    PROGRESSED = "progressed"
    #: processing → completed.
    COMPLETED = "completed"
    #: An attempt failed and the next one is due at `run_at`: processing → pending.
    RETRY_SCHEDULED = "retry_scheduled"
    #: The last attempt failed, or the handler said that no other can succeed: processing → failed.
    FAILED = "failed"
    #: A worker gave it back, and the attempt with it, for a `ReleaseReason`: processing → pending.
    INTERRUPTED = "interrupted"
    #: Its worker was lost (the lease lapsed); the attempt counts: processing → pending.
    RESCUED = "rescued"
    #: Somebody asked a running task to stop. It is still processing until it did.
    CANCEL_REQUESTED = "cancel_requested"
    #: pending or processing → cancelled.
    CANCELLED = "cancelled"
    #: Somebody asked for a failed or cancelled task to run again, with all its attempts: → pending.
    RETRIED = "retried"
    #: Redis lost its message; it is handed out again. No change of state.
    REDISPATCHED = "redispatched"
    #: The last of the tasks that it depends on has ended: it is due at `run_at`. No change of state.
    RELEASED = "released"


class FailureReason(StrEnum):
    """Why an attempt ended without a result; `error.reason` in the API."""

    #: The handler raised.
    ERROR = "error"
    #: The handler raised `Permanent`, or a task that it depends on did not complete: no retry can help.
    PERMANENT = "permanent"
    #: The attempt ran longer than its `timeout_seconds`.
    TIMEOUT = "timeout"
    #: The process that ran it died, or could not renew its lease.
    WORKER_LOST = "worker_lost"


class ReleaseReason(StrEnum):
    """Why a worker gave a task back; `data.reason` of an `interrupted` event."""

    #: The worker was asked to go, and the handler would not have ended in time.
    DRAIN = "drain"
    #: It was to run right after short tasks, one of which turned out to be long. Its handler had not begun.
    HELD_UP = "held_up"
    #: The worker has no such task type, cannot import it, or lacks what it needs: another image may have it.
    NO_TASK_TYPE = "no_task_type"


class DependencyFailure(StrEnum):
    """What becomes of a waiting task when one that it depends on ends failed or cancelled."""

    #: It ends failed, at once.
    FAIL = "fail"
    #: It ends cancelled, at once.
    CANCEL = "cancel"
    #: It runs all the same, once all of them have ended.
    RUN = "run"


#: The states that a task leaves only when a person retries it.
ENDED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})

#: Events after which nothing more happens to a task by itself.
ENDING_EVENTS = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED})


#: The `run_at` of a pending task that waits for a limit, or for other tasks: no dispatcher takes it.
HELD_UNTIL = datetime(9998, 1, 1, tzinfo=UTC)


def retry_delay(failures: int, *, base: float, cap: float) -> float:
    """Seconds to wait after the `failures`-th failed attempt (1 is the first).

    Exponential backoff with full jitter, `random(0, min(cap, base * 2 ** (failures - 1)))`: of the variants
    compared in the AWS Architecture Blog's "Exponential Backoff And Jitter" (2015) it makes the fewest calls.
    """
    ceiling = min(cap, base * 2.0 ** min(failures - 1, 60))
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, keeps no secret


_id_lock = threading.Lock()
_last_id_time = 0


def new_task_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7) whose 12 bits after the milliseconds are sub-millisecond time (§6.2, method 3).

    Within a process ids only grow, so tasks of one batch list in the order in which they were given.
    """
    global _last_id_time
    with _id_lock:
        now = (time.time_ns() << 12) // 1_000_000
        _last_id_time = max(now, _last_id_time + 1)
        stamp = _last_id_time
    milliseconds, fraction = stamp >> 12, stamp & 0xFFF
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62
    return UUID(int=value | int.from_bytes(os.urandom(8)) >> 2)
