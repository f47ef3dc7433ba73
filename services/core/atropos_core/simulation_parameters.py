"""What the shipped task types have in common: given no source they pretend. builtin_types.py builds on it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from atropos_core.catalog import TaskParameters

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class SimulationParameters(TaskParameters):
    """What every simulation understands. Other names are kept with the task and shown in its result."""

    model_config = ConfigDict(strict=True, extra="allow")

    #: Seconds of pretended work; progress is reported all along.
    processing_time: Seconds = Field(0, description="Seconds of pretended work, with progress reported all along.")
    #: Fail the first N attempts, to watch retries; -1 fails every one.
    fail: int = Field(0, ge=-1, le=1000, description="Fail the first N attempts, to watch retries; -1 fails all.")
    #: Fail for good at once: no retry.
    fail_permanently: bool = Field(False, description="Fail at once, without a retry.")

    def refuse_unknown_names(self) -> None:
        """For real work: a misspelt name would be left out without a word. Raises ValueError, which names it."""
        if self.model_extra:
            raise ValueError(f"with a source there is no parameter {min(self.model_extra)!r}")
