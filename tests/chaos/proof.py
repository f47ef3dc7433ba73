"""The rules that must hold after everything has ended, and what breaks them. __main__.py and the test call `prove`."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from atropos_core.lifecycle import ENDED
from atropos_core.statistics import BUCKETS
from tests.chaos import chains, histories
from tests.chaos.evidence import Event, Evidence, Line, Row, Sums

#: What each kind of task may come to; any may be lost with its workers more often than it has attempts.
OUTCOMES: Mapping[str, set[tuple[str, str | None]]] = {
    **{kind: {("completed", None)} for kind in ("quick", "roll call", "long", "fails once", "scheduled")},
    "by priority": {("completed", None)},
    "always fails": {("failed", "error")},
    "times out": {("failed", "timeout")},
    "cancelled early": {("completed", None), ("cancelled", None)},
    "cancelled late": {("completed", None), ("cancelled", None)},
}
LOST_WORKERS = ("failed", "worker_lost")
#: By then a handler has written its first line.
FIRST_LINE_SECONDS = 0.1
#: Clocks: a claim has the time at which its transaction began, on the same machine, in whole microseconds.
CLOCK_SECONDS = 0.001


def nothing_is_lost(evidence: Evidence) -> Iterator[str]:
    """Every task that was accepted is there, and has ended."""
    for asked in evidence.asked:
        for task_id in asked.task_ids - evidence.row_of.keys():
            yield f"{task_id} ({asked.kind}) was accepted and is not there"
    for row in evidence.rows:
        if row.status not in ENDED:
            yield f"{row.id} has not ended: {row.status}"
        if not evidence.events_of[row.id]:
            yield f"{row.id} has no history"


def one_task_for_each_key(evidence: Evidence) -> Iterator[str]:
    """However often a client asked, there is one task; a batch is stored whole or not at all."""
    for key, count in Counter(row.key for row in evidence.rows).items():
        if count > 1:
            yield f"{count} tasks for the key {key}"
    for row in evidence.rows:
        asked = evidence.asked_by_key.get(row.key)
        if asked is None or row.batch != asked.batch or row.idempotency_key not in {asked.idempotency_key, None}:
            yield f"{row.id} was not asked for like this (key {row.key})"
    for asked in evidence.asked:
        if len(asked.task_ids) > 1:
            yield f"the key {asked.key} was answered with {sorted(asked.task_ids)}"
    sizes = {asked.batch: asked.size for asked in evidence.asked if asked.batch}
    for batch, count in Counter(row.batch for row in evidence.rows if row.batch).items():
        if count != sizes.get(batch):
            yield f"{count} tasks of the {sizes.get(batch)} of batch {batch}"


def nothing_runs_after_its_cancel(evidence: Evidence) -> Iterator[str]:
    """Once the API has said `cancelled` no handler starts; what it asked to stop ends cancelled or completed."""
    for answer in evidence.cancels:
        row = evidence.row_of.get(answer.task_id)
        late = [line for line in evidence.lines_of.get(answer.task_id, []) if _starts(line) and line.at > answer.at]
        if answer.status == "cancelled" and late:
            yield f"{answer.task_id}: a handler started {late[0].at - answer.at:.3f} s after the API said cancelled"
        allowed = {"pending": set(), "processing": {"cancelled", "completed"}}.get(answer.status, {answer.status})
        if row is None or row.status not in allowed:
            yield f"{answer.task_id}: the API said {answer.status}, and it is {row and row.status}"
        if answer.status == "processing" and not _has(evidence, answer.task_id, "cancel_requested"):
            yield f"{answer.task_id}: the API said that it was asked to stop, and it was not"


def handlers_run_for_claims(evidence: Evidence) -> Iterator[str]:
    """Each start of a handler has a claim of its own before it.

    A claim without a start was lost with its worker, or given back: held up by a task before it, or interrupted by the
    deadline of a drain before its handler's first line, which is the first thing that it does.
    """
    for row in evidence.rows:
        claims = _claims(evidence.events_of[row.id])
        unused = list(claims)
        for line in filter(_starts, evidence.lines_of.get(row.id, [])):
            if (claim := _claim_of(line, unused)) is None:
                yield f"{row.id}: a handler started in attempt {line.attempt}, process {line.pid}, without a claim"
                continue
            unused.remove(claim)
            if (end := claims[claim]) is not None and end.held_up:
                yield f"{row.id}: held up (event {end.id}) after its handler had started"
        for claim in unused:
            end = claims[claim]
            if end is not None and end.reason != "worker_lost" and not end.held_up and not _began_too_late(end):
                yield f"{row.id}: {end.type} (event {end.id}) without a start of its handler"
    for task_id in evidence.lines_of.keys() - evidence.row_of.keys():
        yield f"{task_id}: a handler ran, and there is no such task"


def results_are_of_the_last_claim(evidence: Evidence) -> Iterator[str]:
    """The result of a completed task is that of a run which finished, under the claim that completed it."""
    for row in evidence.rows:
        if row.status != "completed":
            continue
        claim = next((event for event in reversed(evidence.events_of[row.id]) if event.type == "started"), None)
        lines = [line for line in evidence.lines_of.get(row.id, []) if line.run == row.run]
        finished = [line for line in lines if line.what == "finish"]
        if not finished:
            yield f"{row.id}: completed with the result of run {row.run}, which did not finish"
        elif claim is None or _claim_of(finished[0], [claim]) is None:
            yield f"{row.id}: completed with the result of another claim"


def outcomes_fit_the_kind(evidence: Evidence) -> Iterator[str]:
    """Nothing that works fails, and nothing that fails completes."""
    for row in evidence.rows:
        asked = evidence.asked_by_key.get(row.key)
        outcome = (row.status, row.reason if row.status == "failed" else None)
        if chains.ended_with_another(evidence, row):
            continue
        if asked and row.status in ENDED and outcome not in OUTCOMES[asked.kind] | {LOST_WORKERS}:
            yield f"{row.id} ({asked.kind}): {outcome[0]} {outcome[1] or ''}"


def statistics_equal_the_log(evidence: Evidence) -> Iterator[str]:
    """What was added up is what the log holds, each event once."""
    by_minute = _sums(evidence, lambda event: (str(int(event.at // 60)), event.type))
    by_bucket = _sums(evidence, lambda event: (event.type, event.reason, _bucket(event)))
    for name, expected, found in (
        ("statistics", by_minute, evidence.statistics),
        ("totals", by_bucket, evidence.totals),
    ):
        for key in sorted(expected.keys() | found.keys()):
            (count, seconds), (logged, logged_seconds) = found.get(key, (0, 0.0)), expected.get(key, (0, 0.0))
            if count != logged or abs(seconds - logged_seconds) > CLOCK_SECONDS * max(1, logged):
                yield f"{name} of {' '.join(key)}: {count}, {seconds:.3f} s; the log: {logged}, {logged_seconds:.3f} s"


def _sums(evidence: Evidence, key_of: Callable[[Event], tuple[str, ...]]) -> Sums:
    found: dict[tuple[str, ...], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for event in evidence.events:
        count, seconds = found[key_of(event)]
        found[key_of(event)] = count + 1, seconds + (event.seconds or 0.0)
    return found


def _bucket(event: Event) -> str:
    return "-1" if event.seconds is None else str(bisect_right(BUCKETS, event.seconds))


def _began_too_late(end: Event) -> bool:
    return end.type == "interrupted" and end.seconds is not None and end.seconds < FIRST_LINE_SECONDS


def _starts(line: Line) -> bool:
    return line.what == "start"


def _has(evidence: Evidence, task_id: str, kind: str) -> bool:
    return any(event.type == kind for event in evidence.events_of.get(task_id, []))


def _claims(events: list[Event]) -> dict[Event, Event | None]:
    """Each claim, in order, with the event that ended it."""
    found: dict[Event, Event | None] = {}
    for event in events:
        if event.type == "started":
            found[event] = None
        elif event.type in histories.CLOSING and found:
            last = next(reversed(found))
            found[last] = found[last] or event
    return found


def _claim_of(line: Line, claims: list[Event]) -> Event | None:
    """The newest claim by the same worker, of the same attempt, that came before the line."""
    fitting = [
        claim
        for claim in claims
        if (claim.attempt, claim.parent) == (line.attempt, line.parent) and claim.at <= line.at + CLOCK_SECONDS
    ]
    return fitting[-1] if fitting else None


def _each_task(rule: Callable[[Row, list[Event]], Iterator[str]], evidence: Evidence) -> Iterator[str]:
    for row in evidence.rows:
        if events := evidence.events_of[row.id]:
            yield from (f"{row.id}: {found}" for found in rule(row, events))


#: By the name that a report gives them.
RULES: Mapping[str, Callable[[Evidence], Iterator[str]]] = {
    "lost": nothing_is_lost,
    "keys": one_task_for_each_key,
    "submitted once": partial(_each_task, histories.begins_once),
    "finished twice": partial(_each_task, histories.ends_once),
    "claims": partial(_each_task, histories.claims_are_closed),
    "attempts": partial(_each_task, histories.attempts_add_up),
    "claimed after cancel": partial(_each_task, histories.stops_when_cancelled),
    "ran after cancel": nothing_runs_after_its_cancel,
    "too early": histories.not_too_early,
    "handlers": handlers_run_for_claims,
    "results": results_are_of_the_last_claim,
    "outcomes": outcomes_fit_the_kind,
    "chains": chains.run_after_others,
    "ends of chains": chains.end_with_others,
    "statistics": statistics_equal_the_log,
}


def prove(evidence: Evidence) -> dict[str, list[str]]:
    """What breaks each rule, in words: all empty if nothing was lost."""
    broken = {name: list(rule(evidence)) for name, rule in RULES.items()}
    return broken | {name: found for name, found in evidence.findings.items() if found}
