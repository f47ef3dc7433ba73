"""One run: load and faults side by side, then everything is healed, drains, and is judged."""

import threading
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.chaos.client import Clients
from tests.chaos.collect import collect, read_journal
from tests.chaos.evidence import Asked, Evidence
from tests.chaos.plan import plan
from tests.chaos.proof import prove
from tests.chaos.schedule import Done, Saboteur, schedule
from tests.chaos.service import SLOTS, WORKERS, Service
from tests.stack import wait_until

#: After the faults everything must have ended within this, in seconds.
DRAIN_SECONDS = 240.0
#: And every slot of every worker must run tasks again.
ROLL_CALL_SECONDS = 120.0
#: And all events must be added up.
STATISTICS_SECONDS = 60.0

UNFINISHED = "SELECT count(*) FROM tasks WHERE status IN ('pending', 'processing')"
BEHIND = """
    SELECT count(*) FROM events
    WHERE id > (SELECT coalesce(max(event_id), 0) FROM event_cursors WHERE reader = 'statistics')"""


@dataclass(frozen=True)
class Options:
    """What to run: seconds of load and faults, tasks a second, seconds from one fault to the next on average."""

    seconds: float = 240.0
    seed: int = 1
    rate: float = 7.0
    every: float = 7.5


@dataclass
class Report:
    """What came of it."""

    options: Options
    evidence: Evidence
    faults: list[Done]
    #: What breaks each rule; all empty if the proof holds.
    broken: dict[str, list[str]]
    #: Of load and faults, and from the end of the faults to the end of the last task.
    seconds: float
    drain_seconds: float
    sent: int
    lost_answers: int

    @property
    def proved(self) -> bool:
        return not any(self.broken.values())


def run(directory: Path, options: Options, stopping: threading.Event) -> Report:
    """Run it in the folder until the time is over or `stopping` is set; judged is it in any case."""
    service = Service(directory)
    try:
        service.begin()
        return _run(service, options, stopping)
    finally:
        service.stop()


def _run(service: Service, options: Options, stopping: threading.Event) -> Report:
    evidence = Evidence()
    clients = Clients(service.api_urls(), evidence, stopping)
    saboteur = Saboteur(service, schedule(options.seed, seconds=options.seconds, every=options.every))
    submissions = plan(options.seed, seconds=options.seconds, rate=options.rate)
    load = threading.Thread(target=clients.run, args=(submissions,), name="clients")
    began = time.monotonic()
    load.start()
    saboteur.run(stopping)
    stopping.wait(max(0.0, began + options.seconds - time.monotonic()))
    service.heal()
    healed = time.monotonic()
    load.join()
    _call_the_roll(service, evidence)
    _wait_quietly(service, UNFINISHED, DRAIN_SECONDS)
    drained = time.monotonic()
    _wait_quietly(service, BEHIND, STATISTICS_SECONDS)
    collect(service, evidence)
    evidence.findings["processes"] += service.ended_alone
    evidence.findings["drains"] += [f"{name} did not end when it was asked to" for name in service.did_not_leave]
    return Report(
        options=options,
        evidence=evidence,
        faults=saboteur.done,
        broken=prove(evidence),
        seconds=healed - began,
        drain_seconds=drained - healed,
        sent=clients.sent,
        lost_answers=clients.lost_answers,
    )


def _wait_quietly(service: Service, left: str, seconds: float) -> None:
    """Until nothing is left, or the time is over: the proof says what that breaks."""
    try:
        wait_until(lambda: service.sql(left)[0][0] == 0, seconds=seconds)
    except AssertionError:
        service.restart_what_ended()


def _call_the_roll(service: Service, evidence: Evidence) -> None:
    """Short tasks, until every slot of every worker has run one: a worker that lives and is deaf would not."""
    after, numbers = service.journal.stat().st_size, count()

    def silent() -> list[str]:
        if service.sql(UNFINISHED)[0][0] == 0:
            for number in (next(numbers) for _ in range(2 * SLOTS * len(WORKERS))):
                _submit_roll_call(service, evidence, f"roll-call-{number}")
        heard = {(line.parent, line.pid) for line in read_journal(service.journal, after=after)}
        slots = {name: sum(parent == service.processes[name].pid for parent, _ in heard) for name in WORKERS}
        return [f"{name}: {found} of {SLOTS} slots run tasks" for name, found in slots.items() if found < SLOTS]

    try:
        wait_until(lambda: not silent(), seconds=ROLL_CALL_SECONDS)
    except AssertionError:
        evidence.findings["deaf"] += silent()


def _submit_roll_call(service: Service, evidence: Evidence, key: str) -> None:
    parameters = {"seconds": 0.3}
    task_id = service.submit("chaos", parameters=parameters, labels={"key": key}, max_retries=8)
    evidence.asked.append(Asked(key, "roll call", task_ids={task_id}))
