"""What the shipped task types have in common: given no source they pretend. builtin_types.py builds on it."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from atropos_core.catalog import TaskParameters

Seconds = Annotated[float, Field(ge=0, le=86_400)]
#: The `json_schema_extra` of what means something without a source only: forms show it apart, or not at all.
SIMULATION: JsonDict = {"x-section": {"title": "Simulation", "unless": ["source", "sources"]}}


class SimulationParameters(TaskParameters):
    """What every simulation understands. Other names are kept with the task and shown in its result."""

    model_config = ConfigDict(strict=True, extra="allow", json_schema_extra={"additionalProperties": SIMULATION})

    processing_time: Seconds = Field(
        0, description="Seconds of pretended work, with progress reported all along.", json_schema_extra=SIMULATION
    )
    fail: int = Field(
        0,
        ge=-1,
        le=1000,
        description="Fail the first N attempts, to watch retries; -1 fails all.",
        json_schema_extra=SIMULATION,
    )
    fail_permanently: bool = Field(False, description="Fail at once, without a retry.", json_schema_extra=SIMULATION)

    def refuse_unknown_names(self) -> None:
        """For real work: a misspelt name would be left out without a word. Raises ValueError, which names it."""
        if self.model_extra:
            raise ValueError(f"with a source there is no parameter {min(self.model_extra)!r}")
