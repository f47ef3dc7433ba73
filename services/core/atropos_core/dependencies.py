"""Tasks that depend on other tasks: how they come to wait, and what ends their wait.

A task that waits is pending with a `run_at` that is far away, as one that waits for a limit. One that others wait for
is `awaited`: when it has ended, whoever ended it, the dispatcher finds it in an index and tells its dependents. Other
tasks pay not. Nobody becomes a dependent of a task without its row's lock: either it has ended before, or whoever tells
of its end sees the dependent. As in tasks.py nothing here commits.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from atropos_core import transitions
from atropos_core.drafts import Submitted, TaskDraft
from atropos_core.errors import DependencyNotFound
from atropos_core.lifecycle import ENDED, DependencyFailure, TaskStatus
from atropos_core.models import Task

#: Ended tasks whose dependents one transaction tells, and dependents that it changes, at most.
MAXIMUM_ENDED = 100
MAXIMUM_DEPENDENTS = 1000
#: What `pg_try_advisory_xact_lock` takes: one dispatcher at a time tells dependents.
ADVISORY_LOCK = 0x61747230_64657073

_LOCK = text("SELECT id, status FROM tasks WHERE id = ANY(:task_ids) ORDER BY id FOR NO KEY UPDATE")
_AWAIT = text("""
    UPDATE tasks SET awaited = coalesce(awaited, false) OR status IN ('pending', 'processing')
    WHERE id = ANY(:task_ids) AND (awaited IS NULL OR (NOT awaited AND status IN ('pending', 'processing')))""")
_KEEP = text("""
    INSERT INTO task_dependencies (task_id, depends_on)
    SELECT * FROM unnest(CAST(:task_ids AS uuid[]), CAST(:dependencies AS uuid[])) ON CONFLICT DO NOTHING""")
_NEEDED_AGAIN = text("""
    SELECT tasks.id, task_dependencies.depends_on, tasks.on_dependency_failure
    FROM tasks JOIN task_dependencies ON task_dependencies.task_id = tasks.id
    WHERE tasks.id = ANY(:task_ids) AND tasks.status IN ('failed', 'cancelled')
      AND tasks.on_dependency_failure IS NOT NULL""")
_ENDED = text("""
    SELECT id FROM tasks WHERE awaited AND status IN ('completed', 'failed', 'cancelled') ORDER BY id LIMIT :maximum""")
_DEPENDENTS = f"""
    FROM task_dependencies AS edge
    JOIN tasks ON tasks.id = edge.task_id JOIN tasks AS ended ON ended.id = edge.depends_on
    WHERE edge.depends_on = ANY(:ended) AND {transitions.WAITING}"""
_FAILED = text(f"""
    SELECT tasks.id, ended.id {_DEPENDENTS}
      AND ended.status IN ('failed', 'cancelled') AND tasks.on_dependency_failure <> 'run' LIMIT :maximum""")
_READY = text(f"SELECT tasks.id {_DEPENDENTS} AND NOT {transitions.UNMET} LIMIT :maximum")
_TOLD = text("""
    UPDATE tasks SET awaited = false
    WHERE id = ANY(:ended) AND awaited AND status IN ('completed', 'failed', 'cancelled')""")


@dataclass(frozen=True)
class Standing:
    """How drafts begin, some of which depend on others."""

    #: Those that depend on tasks of which one has not ended, or has ended in a way that ends them too.
    waiting: set[UUID] = field(default_factory=set)
    #: Those that depend on tasks and need not wait.
    ready: set[UUID] = field(default_factory=set)
    #: Those that others of the drafts depend on.
    awaited: set[UUID] = field(default_factory=set)
    #: Those that end at once, and because of which task.
    failed: dict[UUID, UUID] = field(default_factory=dict)

    def columns(self, task_id: UUID) -> dict[str, bool]:
        """What the row of the draft has besides what it was given."""
        marks = {"waits": task_id in self.waiting, "awaited": task_id in self.awaited}
        return {name: True for name, mark in marks.items() if mark}


def take_up(session: Session, drafts: Sequence[TaskDraft]) -> Standing:
    """See how the tasks stand that the drafts depend on, and keep them so until the transaction ends.

    Raises DependencyNotFound for one that is neither stored nor an earlier draft.
    """
    own = {draft.id for draft in drafts}
    named = {task_id for draft in drafts for task_id in draft.depends_on or ()}
    states = _hold(session, named - own)
    standing = Standing(awaited=named & own)
    for entry, draft in enumerate(drafts):
        if draft.depends_on:
            _refuse_unknown(entry, draft, states)
            _stand(standing, draft.id, {each: states[each] for each in draft.depends_on}, draft.on_dependency_failure)
        states[draft.id] = TaskStatus.PENDING
    return standing


def _hold(session: Session, task_ids: Collection[UUID]) -> dict[UUID, TaskStatus]:
    """Lock them, in the order of their ids, and let them be awaited; returns the states of those that there are."""
    if not task_ids:
        return {}
    values = {"task_ids": sorted(task_ids)}
    states = {task_id: TaskStatus(status) for task_id, status in session.execute(_LOCK, values)}
    session.execute(_AWAIT, values)
    return states


def _refuse_unknown(entry: int, draft: TaskDraft, known: Mapping[UUID, TaskStatus]) -> None:
    for position, task_id in enumerate(draft.depends_on or ()):
        if task_id not in known:
            detail = f"depends_on[{position}] of task {entry} of the request: there is no task {task_id}."
            raise DependencyNotFound(detail, entry=entry, position=position, task_id=str(task_id))


def _stand(
    standing: Standing, task_id: UUID, needed: Mapping[UUID, TaskStatus], on_failure: DependencyFailure | str | None
) -> None:
    failed = [] if on_failure == DependencyFailure.RUN else [each for each, state in needed.items() if _failed(state)]
    if failed:
        standing.failed[task_id] = failed[0]
    unmet = failed or any(state not in ENDED for state in needed.values())
    (standing.waiting if unmet else standing.ready).add(task_id)


def _failed(state: TaskStatus) -> bool:
    return state in {TaskStatus.FAILED, TaskStatus.CANCELLED}


def keep(session: Session, submitted: Sequence[Submitted], standing: Standing) -> Sequence[Submitted]:
    """Store what they depend on, and end those at once that a task has failed already; returns them as they are now."""
    edges = [(each.id, task_id) for each in submitted for task_id in each.draft.depends_on or ()]
    task_ids, needed = [edge[0] for edge in edges], [edge[1] for edge in edges]
    session.execute(_KEEP, {"task_ids": task_ids, "dependencies": needed})
    failed = {each.id: standing.failed[each.id] for each in submitted if each.id in standing.failed}
    ended = {task.id: task.status for task in _end(session, failed)} if failed else {}
    return [replace(each, status=ended[each.id]) if each.id in ended else each for each in submitted]


def take_up_again(session: Session, task_ids: Sequence[UUID]) -> list[UUID]:
    """Of failed and cancelled tasks that are to be retried, those that have to wait for others.

    For one that has failed they wait until it was retried, too; one that was deleted is not waited for.
    """
    rows = session.execute(_NEEDED_AGAIN, {"task_ids": list(task_ids)}).all()
    if not rows:
        return []
    states = _hold(session, {*task_ids, *(row[1] for row in rows)})
    # All together, whatever their order.
    states |= {task_id: TaskStatus.PENDING for task_id in task_ids if _failed(states.get(task_id, TaskStatus.PENDING))}
    standing = Standing()
    for task_id, depends_on, on_failure in rows:
        if depends_on in states:
            _stand(standing, task_id, {depends_on: states[depends_on]}, on_failure)
    return list(standing.waiting)


@dataclass(frozen=True)
class Told:
    """What telling dependents has done."""

    #: Those that are due now or later, or have ended.
    tasks: Sequence[Task]
    #: Whether there may be more to tell.
    more: bool


def tell(session: Session) -> Told:
    """Tell dependents that tasks have ended: let those go that wait for no other, end those that cannot run any more.

    Those that end so are told of in the next call. Nothing is done while another dispatcher does it.
    """
    ended = session.scalars(_ENDED, {"maximum": MAXIMUM_ENDED}).all()
    if not ended or not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK}):
        return Told((), more=False)
    values: dict[str, Any] = {"ended": list(ended), "maximum": MAXIMUM_DEPENDENTS}
    failed = [(row[0], row[1]) for row in session.execute(_FAILED, values)]
    ready = session.scalars(_READY, values).all()
    session.execute(_LOCK, {"task_ids": sorted({*ended, *ready, *(pair[0] for pair in failed)})})
    changed = [*(_end(session, dict(failed)) if failed else ())]
    if ready:
        changed += transitions.run(session, transitions.LET_GO, task_ids=sorted(set(ready)))
    if MAXIMUM_DEPENDENTS not in {len(failed), len(ready)}:
        session.execute(_TOLD, values)
    return Told(changed, more=True)


def _end(session: Session, failed: Mapping[UUID, UUID]) -> Sequence[Task]:
    values = {"task_ids": list(failed), "dependencies": list(failed.values())}
    return transitions.run(session, transitions.END_DEPENDENT, **values)
