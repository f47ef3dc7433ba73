"""Reads of what depends on what. Everything is bounded, and tasks that have nothing to do with others cost no look."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session, load_only

from atropos_core import queries
from atropos_core.handling import Dependency
from atropos_core.lifecycle import ENDED, DependencyFailure, TaskStatus
from atropos_core.models import File, Task, TaskDependency
from atropos_core.sources import ArtifactSource

#: Dependents that are told of a task; its graph has more.
MAXIMUM_DEPENDENTS = 100
#: Tasks of a graph.
MAXIMUM_NODES = 500

#: Breadth first, so the nearest come first; PostgreSQL evaluates no more of the recursion than the limit takes.
_CONNECTED = text("""
    WITH RECURSIVE connected AS (
        SELECT CAST(:task_id AS uuid) AS id
        UNION
        SELECT near.id FROM connected, LATERAL (
            SELECT depends_on AS id FROM task_dependencies WHERE task_id = connected.id
            UNION ALL SELECT task_id FROM task_dependencies WHERE depends_on = connected.id
        ) AS near
    )
    SELECT id FROM connected LIMIT :maximum""")
#: Of the others, results and parameters are not read.
_SHOWN = load_only(Task.id, Task.task_type, Task.status, Task.progress)


def depends_on(session: Session, task: Task) -> list[UUID]:
    """The ids of the tasks that it depends on, also of those that were deleted since."""
    if task.on_dependency_failure is None:
        return []
    query = select(TaskDependency.depends_on).where(TaskDependency.task_id == task.id)
    return list(session.scalars(query.order_by(TaskDependency.depends_on)))


def dependents(session: Session, task: Task) -> list[UUID]:
    """The ids of the first tasks that depend on it, MAXIMUM_DEPENDENTS at most."""
    if task.awaited is None:
        return []
    query = select(TaskDependency.task_id).where(TaskDependency.depends_on == task.id)
    return list(session.scalars(query.order_by(TaskDependency.task_id).limit(MAXIMUM_DEPENDENTS)))


def waiting_for(session: Session, task: Task) -> Sequence[Task]:
    """The tasks that it still waits for; none if it waits for none."""
    if not task.waits_for_tasks:
        return ()
    met = ENDED if task.on_dependency_failure == DependencyFailure.RUN else {TaskStatus.COMPLETED}
    needed = select(Task).join(TaskDependency, TaskDependency.depends_on == Task.id).options(_SHOWN)
    query = needed.where(TaskDependency.task_id == task.id, Task.status.not_in(met)).order_by(Task.id)
    return session.scalars(query).all()


def results(session: Session, task_id: UUID) -> dict[UUID, Dependency]:
    """What the task's handler is told of those that it depends on."""
    edges = select(TaskDependency.depends_on).where(TaskDependency.task_id == task_id)
    rows = session.execute(select(Task.id, Task.task_type, Task.status, Task.result).where(Task.id.in_(edges))).all()
    names = select(File.task_id, File.name).where(File.task_id.in_([row[0] for row in rows]), File.state == "ready")
    made: dict[UUID | None, list[str]] = defaultdict(list)
    for maker, name in session.execute(names.order_by(File.task_id, File.name)):
        made[maker].append(name)
    return {
        row.id: Dependency(
            task_type=row.task_type,
            state=row.status,
            result=row.result,
            artifacts={name: ArtifactSource(task_id=row.id, artifact=name) for name in made[row.id]},
        )
        for row in rows
    }


@dataclass(frozen=True)
class Graph:
    """Tasks that depend on each other, over any number of links."""

    #: The one that was asked for first, and then by distance.
    tasks: Sequence[Task]
    #: Between these tasks.
    edges: Sequence[TaskDependency]
    #: Whether there are more tasks than these.
    truncated: bool


def graph(session: Session, task_id: UUID) -> Graph:
    """All that is connected with the task, MAXIMUM_NODES at most. Raises TaskNotFound."""
    queries.get_task(session, task_id)
    found = session.scalars(_CONNECTED, {"task_id": task_id, "maximum": MAXIMUM_NODES + 1}).all()
    ids = found[:MAXIMUM_NODES]
    rows = {task.id: task for task in session.scalars(select(Task).where(Task.id.in_(ids)).options(_SHOWN))}
    order = [each for each in ids if each in rows]
    between = TaskDependency.task_id.in_(order), TaskDependency.depends_on.in_(order)
    edges = select(TaskDependency).where(*between).order_by(TaskDependency.task_id, TaskDependency.depends_on)
    return Graph([rows[each] for each in order], session.scalars(edges).all(), len(found) > MAXIMUM_NODES)
