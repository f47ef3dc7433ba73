"""Which tasks depend on each other."""

from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from atropos_api.deps import ListingDep
from atropos_api.schemas import FromAttributes, NeededTask
from atropos_core import task_graph

router = APIRouter(prefix="/tasks", tags=["tasks"])


class TaskNode(NeededTask):
    """A task of a graph."""

    progress: float


class TaskEdge(FromAttributes):
    """One task depends on another."""

    task_id: UUID
    depends_on: UUID


class TaskGraph(BaseModel):
    """Tasks that depend on each other, over any number of links."""

    nodes: list[TaskNode] = Field(description="The task that was asked for, and then by distance; at most 500.")
    edges: list[TaskEdge] = Field(description="Between these.")
    truncated: bool = Field(description="There are more tasks than these.")

    @classmethod
    def of(cls, graph: task_graph.Graph) -> Self:
        """The view of what was read."""
        return cls(
            nodes=[TaskNode.model_validate(task) for task in graph.tasks],
            edges=[TaskEdge.model_validate(edge) for edge in graph.edges],
            truncated=graph.truncated,
        )


@router.get("/{task_id}/graph")
def get_graph(task_id: UUID, session: ListingDep) -> TaskGraph:
    """All tasks that it depends on or that depend on it, directly or over others."""
    return TaskGraph.of(task_graph.graph(session, task_id))
