"""When which fault happens, from a seed; and the thread that makes it happen."""

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from tests.chaos import faults
from tests.chaos.faults import KINDS, Fault
from tests.chaos.service import Service

#: How often processes that ended by themselves are looked for, in seconds.
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Done:
    """A fault that was done; times are Unix time."""

    kind: str
    target: str
    began: float
    ended: float


def schedule(seed: int, *, seconds: float, every: float) -> Iterator[Fault]:
    """Faults `every` so many seconds on average, of which some overlap; the same for the same seed."""
    chance = random.Random(seed)
    names = list(KINDS)
    weights = [KINDS[name].weight for name in names]
    at = every * chance.uniform(0.2, 0.6)
    while at < seconds:
        kind = chance.choices(names, weights)[0]
        shortest, longest = KINDS[kind].seconds
        yield Fault(at, kind, chance.choice(KINDS[kind].targets), chance.uniform(shortest, longest))
        at += every * chance.uniform(0.2, 1.8)


class Saboteur:
    """Does the faults of a schedule, in the order of their beginnings and ends."""

    def __init__(self, service: Service, planned: Iterable[Fault]) -> None:
        self.done: list[Done] = []
        self._service = service
        self._planned = sorted(planned, key=lambda fault: fault.at)
        #: What undoes a fault that was begun, by when it is to be undone; the number keeps the order definite.
        self._to_undo: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def run(self, stopping: threading.Event) -> None:
        """Until all faults are done and undone. When told to stop it undoes what was begun."""
        began = time.monotonic()
        while (self._planned or self._to_undo) and not stopping.is_set():
            due_in = self._next_at() + began - time.monotonic()
            if due_in > 0:
                self._service.restart_what_ended()
                stopping.wait(min(LOOK_SECONDS, due_in))
            elif self._to_undo and (not self._planned or self._to_undo[0][0] <= self._planned[0].at):
                heapq.heappop(self._to_undo)[2]()
            else:
                self._begin(self._planned.pop(0), time.monotonic() - began)
        while self._to_undo:
            heapq.heappop(self._to_undo)[2]()

    def _next_at(self) -> float:
        return min([fault.at for fault in self._planned[:1]] + [at for at, _, _ in self._to_undo[:1]])

    def _begin(self, fault: Fault, now: float) -> None:
        began = time.time()
        undo = faults.begin(self._service, fault)
        if undo is None:
            return

        def end() -> None:
            undo()
            self.done.append(Done(fault.kind, fault.target, began, time.time()))

        heapq.heappush(self._to_undo, (now + fault.seconds, next(self._order), end))
