"""The rules about the history of one task: its events, in order, and its row. Called by proof.py."""

from collections.abc import Iterator, Sequence

from atropos_core.lifecycle import ENDING_EVENTS
from tests.chaos.evidence import Event, Evidence, Row

#: Events that end a claim, whoever writes them.
CLOSING = {"completed", "failed", "retry_scheduled", "interrupted", "rescued", "cancelled"}
#: Events that are written only while a claim is open.
WITHIN = {"progressed", "cancel_requested"}
#: Events that are written only while the task waits.
BETWEEN = {"redispatched", "released"}


def lives(events: Sequence[Event]) -> list[list[Event]]:
    """The events from submission to end; a person's retry begins another life."""
    found: list[list[Event]] = [[]]
    for event in events:
        if event.type == "retried":
            found.append([])
        found[-1].append(event)
    return found


def begins_once(row: Row, events: Sequence[Event]) -> Iterator[str]:
    """It was submitted once, before all else."""
    if [event.type for event in events if event.type == "submitted"] != ["submitted"] or events[0].type != "submitted":
        yield "it was not submitted exactly once, first"


def ends_once(row: Row, events: Sequence[Event]) -> Iterator[str]:
    """Each life has one event that ends it, nothing after that, and the row says the same."""
    for life in lives(events):
        ending = [event for event in life if event.type in ENDING_EVENTS]
        if len(ending) != 1:
            yield f"a life of it has {len(ending)} ends"
        elif life[-1] is not ending[0]:
            yield f"{life[-1].type} after it was {ending[0].type}"
    if events[-1].type != row.status:
        yield f"its row says {row.status}, its last event {events[-1].type}"


def claims_are_closed(row: Row, events: Sequence[Event]) -> Iterator[str]:
    """Each claim is ended by exactly one event, and what belongs to a claim is written within one."""
    claim: Event | None = None
    for event in events:
        if event.type == "started":
            if claim is not None:
                yield f"claimed (event {event.id}) while claimed (event {claim.id})"
            claim = event
        elif event.type in CLOSING:
            if claim is None and event.type != "cancelled" and not event.by_dependency:
                yield f"{event.type} (event {event.id}) while nobody had it"
            claim = None
        elif (claim is None and event.type in WITHIN) or (claim is not None and event.type in BETWEEN):
            yield f"{event.type} (event {event.id}) at the wrong time"
    if claim is not None:
        yield f"claimed (event {claim.id}) for ever"


def attempts_add_up(row: Row, events: Sequence[Event]) -> Iterator[str]:
    """Each claim is one attempt more, a drain gives it back, none is beyond the last, and the row counts the same."""
    attempt = 0
    for event in events:
        attempt = 0 if event.type == "retried" else attempt + (event.type == "started")
        if event.attempt != attempt:
            yield f"{event.type} (event {event.id}) in attempt {event.attempt}, which is {attempt} by its history"
        if event.type == "failed" and not event.by_dependency and attempt <= row.max_retries:
            yield f"it failed in attempt {attempt}, with {row.max_retries} retries"
        attempt -= event.type == "interrupted"
    if max(event.attempt for event in events) > row.max_retries + 1:
        yield f"more than {row.max_retries + 1} attempts"
    counts = {kind: sum(event.type == kind for event in events) for kind in ("started", "interrupted")}
    # A drain of a task that was to be cancelled gives the attempt back too; its event says `cancelled`.
    given_back = row.interruptions - counts["interrupted"]
    cancels = sum(event.type == "cancelled" for event in events)
    if row.fence != counts["started"]:
        yield f"{counts['started']} claims, but its fence is {row.fence}"
    if not 0 <= given_back <= cancels or row.attempt not in {attempt, attempt - given_back}:
        yield f"its row has attempt {row.attempt}, {row.interruptions} interruptions; its history {attempt}, {counts}"


def stops_when_cancelled(row: Row, events: Sequence[Event]) -> Iterator[str]:
    """Once it is cancelled, or was asked to stop, it is not claimed again in this life; then it has no other end."""
    for life in lives(events):
        kinds = [event.type for event in life]
        asked = min((kinds.index(kind) for kind in ("cancelled", "cancel_requested") if kind in kinds), default=None)
        if asked is None:
            continue
        if "started" in kinds[asked:]:
            yield "claimed after it was cancelled"
        if kinds[-1] not in {"cancelled", "completed"}:
            yield f"it was to be cancelled, and is {kinds[-1]}"


def not_too_early(evidence: Evidence) -> Iterator[str]:
    """A task that was to wait was not claimed before its time."""
    for row in evidence.rows:
        asked, events = evidence.asked_by_key.get(row.key), evidence.events_of[row.id]
        first = next((event for event in events if event.type == "started"), None)
        if asked and first and first.at < events[0].at + asked.delay - 0.001:
            yield f"{row.id}: claimed {events[0].at + asked.delay - first.at:.3f} s too early"
