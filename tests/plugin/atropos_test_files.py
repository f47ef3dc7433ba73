"""A task type that reads and makes files, found by the processes of tests through PYTHONPATH."""

import shutil

from atropos_core.catalog import TaskParameters, TaskType
from atropos_core.sources import Source
from atropos_worker.context import TaskContext


class CopyParameters(TaskParameters):
    source: Source
    name: str = "copy"
    #: Seconds between the artifact and the end.
    seconds: float = 0
    #: Attempts that fail after they made their artifact.
    fail: int = 0
    #: How often it is made.
    times: int = 1


def run(parameters: CopyParameters, context: TaskContext) -> dict[str, object]:
    """Make an artifact of what the source has, through the scratch folder."""
    place = context.scratch / parameters.name
    shutil.copyfile(context.input(parameters.source), place)
    for _ in range(parameters.times):
        artifact = context.artifact(place)
    context.progress(0.5, "made")
    context.wait(parameters.seconds)
    if context.attempt <= parameters.fail:
        raise RuntimeError("as it was asked to")
    return {"sha256": artifact.sha256, "scratch": str(context.scratch)}


copy = TaskType(name="copy", description="Copies.", parameters=CopyParameters, handler="atropos_test_files:run")
