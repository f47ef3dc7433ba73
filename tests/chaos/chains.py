"""The rules about tasks that depend on others. Called by proof.py."""

from collections.abc import Iterator

from atropos_core.lifecycle import ENDING_EVENTS
from tests.chaos.evidence import Asked, Evidence, Row

#: What a task ends as, unrun, when one that it depends on does not complete.
ENDS = {"cancel": "cancelled", "fail": "failed"}


def ended_with_another(evidence: Evidence, row: Row) -> bool:
    """Whether it ended because a task that it depends on did not complete."""
    return any(event.by_dependency for event in evidence.events_of[row.id])


def run_after_others(evidence: Evidence) -> Iterator[str]:
    """A task is claimed only after all that it depends on have completed; or have ended, if that is enough."""
    for asked, row in _dependents(evidence):
        claims = [event.at for event in evidence.events_of[row.id] if event.type == "started"]
        enough = ENDING_EVENTS if asked.on_dependency_failure == "run" else {"completed"}
        for key in asked.needs:
            needed = evidence.row_by_key.get(key)
            ends = [event.at for event in evidence.events_of[needed.id] if event.type in enough] if needed else []
            if claims and not (ends and min(ends) <= claims[0]):
                yield f"{row.id}: claimed before {key}, which it depends on, had ended"


def end_with_others(evidence: Evidence) -> Iterator[str]:
    """A task ends unrun with one that it depends on if that did not complete, as it was asked to, and only then."""
    for asked, row in _dependents(evidence):
        needed = [evidence.row_by_key[key] for key in asked.needs if key in evidence.row_by_key]
        wanted = (
            None if all(one.status == "completed" for one in needed) else ENDS.get(asked.on_dependency_failure or "")
        )
        if ended_with_another(evidence, row):
            if row.status != wanted:
                yield f"{row.id}: {row.status} because of one that it depends on, but should be {wanted or 'run'}"
        elif wanted and row.status != "cancelled":
            yield f"{row.id}: {row.status}, though one that it depends on did not complete"


def _dependents(evidence: Evidence) -> Iterator[tuple[Asked, Row]]:
    for asked in evidence.asked:
        if asked.needs and (row := evidence.row_by_key.get(asked.key)):
            yield asked, row
