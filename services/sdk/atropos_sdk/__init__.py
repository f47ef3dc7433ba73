"""All that a package with task types of its own imports. `atropos_sdk.testing` runs a handler without services."""

from atropos_core.catalog import TaskParameters, TaskType
from atropos_core.errors import ValueNotStorable
from atropos_core.handling import Dependency, MissingRequirement, Permanent, Retry, Stopped, TaskContext
from atropos_core.lifecycle import TaskStatus
from atropos_core.sources import ArtifactSource, Source
from atropos_sdk.decorator import task_type

__all__ = [
    "ArtifactSource",
    "Dependency",
    "MissingRequirement",
    "Permanent",
    "Retry",
    "Source",
    "Stopped",
    "TaskContext",
    "TaskParameters",
    "TaskStatus",
    "TaskType",
    "ValueNotStorable",
    "task_type",
]
