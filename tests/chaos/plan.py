"""Which tasks the load consists of, from a seed. client.py sends them."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

MAXIMUM_BATCH = 12
#: One of so many submissions is a batch.
BATCH_EVERY = 40
#: And one of so many a chain.
CHAIN_EVERY = 25
MAXIMUM_CHAIN = 5
#: One of so many clients does not ask again after an answer that was lost.
GIVES_UP_EVERY = 10


@dataclass(frozen=True)
class Planned:
    """One task to submit; `request` is the body of the request, without its labels."""

    kind: str
    request: dict[str, Any] = field(default_factory=dict)
    #: The client cancels it so many seconds after it was accepted.
    cancel_after: float | None = None
    #: A person lets it run again once it has failed.
    retried: bool = False
    #: The places of the tasks of its batch that it runs after.
    needs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What is sent at once: one task, or a batch."""

    #: Seconds from the start of the run.
    at: float
    key: str
    tasks: tuple[Planned, ...]
    #: The client does not ask again if the answer is lost.
    gives_up: bool = False

    @property
    def is_batch(self) -> bool:
        return len(self.tasks) > 1


def _body(seconds: float = 0.0, *, fail: int = 0, deaf: bool = False, **request: Any) -> dict[str, Any]:
    parameters = {"seconds": round(seconds, 3), "fail": fail, "deaf": deaf}
    return {"task_type": "chaos", "parameters": parameters, "max_retries": 8, **request}


def _quick(chance: random.Random) -> Planned:
    return Planned("quick", _body())


def _long(chance: random.Random) -> Planned:
    return Planned("long", _body(chance.uniform(1, 3)))


def _fails_once(chance: random.Random) -> Planned:
    return Planned("fails once", _body(fail=1))


def _always_fails(chance: random.Random) -> Planned:
    request = _body(fail=-1, max_retries=chance.randint(0, 2))
    return Planned("always fails", request, retried=chance.random() < 0.3)


def _scheduled(chance: random.Random) -> Planned:
    return Planned("scheduled", _body(delay_seconds=round(chance.uniform(1, 10), 3)))


def _by_priority(chance: random.Random) -> Planned:
    return Planned("by priority", _body(chance.uniform(0, 0.2), priority=chance.randint(0, 9)))


def _times_out(chance: random.Random) -> Planned:
    """Longer than any fault: while PostgreSQL does not answer, nobody stops a handler that does not listen."""
    deaf = chance.random() < 0.3
    return Planned("times out", _body(30, deaf=deaf, timeout_seconds=0.7, max_retries=chance.randint(0, 1)))


def _cancelled_early(chance: random.Random) -> Planned:
    delay = round(chance.uniform(0, 4), 3)
    return Planned("cancelled early", _body(0.1, delay_seconds=delay), cancel_after=chance.uniform(0, 4))


def _cancelled_late(chance: random.Random) -> Planned:
    deaf = chance.random() < 0.3
    return Planned("cancelled late", _body(3, deaf=deaf), cancel_after=chance.uniform(0.3, 3.5))


#: How often each kind of task is chosen beside the others.
KINDS: dict[Callable[[random.Random], Planned], int] = {
    _quick: 40,
    _long: 15,
    _fails_once: 8,
    _always_fails: 4,
    _scheduled: 9,
    _by_priority: 12,
    _times_out: 2,
    _cancelled_early: 7,
    _cancelled_late: 3,
}


def _chain(chance: random.Random) -> Iterator[Planned]:
    """Each after one or two before it; what becomes of it when they fail differs."""
    for number, task in enumerate(_chosen(chance, chance.randint(2, MAXIMUM_CHAIN))):
        needs = tuple(sorted(chance.sample(range(number), min(number, chance.randint(1, 2)))))
        request = {**task.request, "depends_on": [{"index": place} for place in needs]}
        if needs:
            request["on_dependency_failure"] = chance.choice(("cancel", "fail", "run"))
        # What was let run again would wait for what has failed.
        yield replace(task, request=request, needs=needs, retried=False)


def _chosen(chance: random.Random, count: int) -> Iterator[Planned]:
    return (make(chance) for make in chance.choices(list(KINDS), list(KINDS.values()), k=count))


def plan(seed: int, *, seconds: float, rate: float) -> Iterator[Submission]:
    """Submissions with `rate` tasks a second on average; the same for the same seed."""
    chance = random.Random(f"load {seed}")
    at, number = 0.0, 0
    while at < seconds:
        if chance.randrange(CHAIN_EVERY) == 0:
            tasks = tuple(_chain(chance))
        else:
            tasks = tuple(
                _chosen(chance, chance.randint(2, MAXIMUM_BATCH) if chance.randrange(BATCH_EVERY) == 0 else 1)
            )
        yield Submission(at, f"{seed}-{number}", tasks, gives_up=chance.randrange(GIVES_UP_EVERY) == 0)
        number += 1
        at += len(tasks) * chance.uniform(0, 2) / rate
