"""What a child learns of how long tasks run, so that one message can bring many short ones.

Celery hands over one message at a time, for about a millisecond of work. A child whose message is of a type that was
short before takes more ids from the same list itself, and claims and settles them together.
"""

import math
from typing import cast

import redis
import structlog

from atropos_worker.messages import Message

#: What is run together takes no longer than this, in seconds, as far as the past tells.
TOGETHER_SECONDS = 0.02
#: Tasks that are run together at most.
MAXIMUM_TOGETHER = 100
#: How fast an expectation falls when tasks get shorter; it rises at once.
SHARE_OF_NEWEST = 0.1

log = structlog.get_logger("atropos.worker")


class ShortTasks:
    """Belongs to one child; what it learned goes with it, as a task that kills its child shall not be met again so."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._expected: dict[str, float] = {}
        #: Ids to ask for: more while all of them fit, few where long tasks lie between.
        self._reach = 1

    def ran(self, task_type: str, seconds: float) -> None:
        """A task of this type took so long."""
        before = self._expected.get(task_type, seconds)
        self._expected[task_type] = max(seconds, before + SHARE_OF_NEWEST * (seconds - before))

    def beside(self, first: Message, queue: str) -> list[Message]:
        """Messages taken from the queue's list to be run right after the first; none unless all of them are short."""
        room = TOGETHER_SECONDS - self._seconds(first)
        if room <= 0:
            return []
        try:
            return self._take(first, queue, room)
        except redis.RedisError as error:
            # Should ids be lost with the answer, the reconciler hands them out again.
            log.warning("atropos.worker.short_tasks_not_taken", error=str(error))
            return []

    def _take(self, first: Message, queue: str, room: float) -> list[Message]:
        members = cast(list[str], self._client.rpop(queue, min(self._reach, MAXIMUM_TOGETHER - 1)) or [])
        taken: list[Message] = []
        for member in members:
            message = Message.read(member)
            room -= self._seconds(message)
            if room < 0 or message.time_limit != first.time_limit:
                break
            taken.append(message)
        if left := members[len(taken) :]:
            self._client.rpush(queue, *reversed(left))
            self._reach = len(taken) + 1
        elif len(taken) == self._reach:
            self._reach *= 2
        return taken

    def _seconds(self, message: Message) -> float:
        if message.task_type is None:
            return math.inf
        return self._expected.get(message.task_type, math.inf)
