"""Turns what was found about each part of the service into a verdict and advice. Called by commands_doctor.py."""

from dataclasses import dataclass
from enum import StrEnum

from atropos_cli.output import Document, duration


class Verdict(StrEnum):
    """How one part is."""

    OK = "ok"
    #: It works, but look at it.
    WARNING = "warning"
    PROBLEM = "problem"
    #: Nobody could look.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One part: what was found, and what to do about it."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is known of the servers, from the API or by looking at them. None means that nobody could look."""

    #: Whether it answers, and a few words about that.
    database: tuple[bool, str] | None = None
    schema: tuple[bool, str] | None = None
    broker: tuple[bool, str] | None = None
    #: Processes that gave a sign of life lately.
    dispatchers: int | None = None
    workers: int | None = None
    slots: int = 0
    busy: int = 0
    #: Due tasks that wait.
    queue_depth: int = 0


DATABASE_ADVICE = "See that PostgreSQL runs and that ATROPOS_DATABASE_URL leads to it. Nothing is lost meanwhile."
SCHEMA_ADVICE = "Run `python -m atropos_core.migrate` in the newest version."
BROKER_ADVICE = "See that Redis runs and that ATROPOS_REDIS_URL leads to it. Tasks are kept, and run once it is back."
DISPATCHER_ADVICE = "Start one: `python -m atropos_worker.dispatcher`. Without it no task reaches a worker."
WORKER_ADVICE = (
    "Start one: `python -m atropos_worker`. In a cluster ask why none is ready: "
    "`kubectl get pods --selector app.kubernetes.io/component=worker`."
)
SCALED_ADVICE = "Fine where they are scaled to zero; else start one: `python -m atropos_worker`."
POD_ADVICE = "`kubectl describe pod` in the namespace of the release tells more."


def pods_that_wait(document: Document) -> list[str]:
    """A line for each worker pod of `GET /workers` that cannot come up; none outside of a cluster."""
    return [
        f"pod {pod['name']} of the pool {pod['pool']} waits: {pod['waiting_reason']}"
        for pod in document.get("pods") or []
        if pod["waiting_reason"]
    ]


def from_health(health: Document) -> Findings:
    """The findings of the API's own `/health`."""
    database, broker, workers = health["database"], health["broker"], health["workers"]
    alive = database["status"] == "ok"
    # The API says of an old schema that its database is unavailable, though that one answered.
    outdated = not alive and str(database["detail"]).startswith("the schema")
    answers = f"answers the API in {duration(database['seconds'])}"
    return Findings(
        database=(True, answers) if alive or outdated else (False, database["detail"]),
        schema=(True, "current") if alive else (False, database["detail"]) if outdated else None,
        broker=(broker["status"] == "ok", broker["detail"] or f"answers the API in {duration(broker['seconds'])}"),
        dispatchers=health["dispatchers"] if alive else None,
        workers=workers["active"] if alive else None,
        slots=workers["slots"],
        busy=workers["busy"],
        queue_depth=health["queue_depth"],
    )


def examine(findings: Findings) -> list[Check]:
    """A check for each part behind the API."""
    return [
        _server("database", findings.database, DATABASE_ADVICE),
        _server("schema", findings.schema, SCHEMA_ADVICE),
        _server("broker", findings.broker, BROKER_ADVICE),
        _dispatcher(findings.dispatchers),
        _workers(findings),
    ]


def _server(name: str, found: tuple[bool, str] | None, advice: str) -> Check:
    if found is None:
        return Check(name, Verdict.UNKNOWN, "not looked at")
    good, words = found
    return Check(name, Verdict.OK, words) if good else Check(name, Verdict.PROBLEM, words, advice)


def _dispatcher(count: int | None) -> Check:
    if count is None:
        return Check("dispatcher", Verdict.UNKNOWN, "not looked at")
    if count == 0:
        return Check("dispatcher", Verdict.PROBLEM, "none gave a sign of life lately", DISPATCHER_ADVICE)
    return Check("dispatcher", Verdict.OK, f"{count} alive")


def _workers(findings: Findings) -> Check:
    if findings.workers is None:
        return Check("workers", Verdict.UNKNOWN, "not looked at")
    waiting = f"{findings.queue_depth:,} due task{'' if findings.queue_depth == 1 else 's'} waiting"
    if findings.workers == 0:
        verdict, advice = (Verdict.PROBLEM, WORKER_ADVICE) if findings.queue_depth else (Verdict.WARNING, SCALED_ADVICE)
        return Check("workers", verdict, f"none gave a sign of life lately; {waiting}", advice)
    return Check(
        "workers",
        Verdict.OK,
        f"{findings.workers} alive, {findings.busy} of {findings.slots} slots busy; {waiting}",
    )
