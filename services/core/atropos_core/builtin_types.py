"""The task types that ship with Atropos: their parameters, for the API. Handlers are in the worker."""

from typing import Annotated

from pydantic import ConfigDict, Field

from atropos_core.catalog import TaskParameters, TaskType

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


class DataProcessingParameters(SimulationParameters):
    rows: int = Field(1000, ge=0, le=10**12, description="Rows of the pretended data set.")


class ReportGenerationParameters(SimulationParameters):
    title: str = Field("Report", max_length=200, description="Title of the pretended report.")
    pages: int = Field(10, ge=1, le=100_000, description="Its pages.")


class VideoProcessingParameters(SimulationParameters):
    duration_seconds: float = Field(60, ge=0, le=10**6, description="Length of the pretended video.")
    resolution: str = Field("1280x720", pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", description="Width x height.")


default = TaskType(
    name="default",
    description="Waits for processing_time and returns what it was given.",
    parameters=SimulationParameters,
    handler="atropos_worker.handlers.default:run",
    example={"message": "hello", "processing_time": 2},
)
data_processing = TaskType(
    name="data_processing",
    description="Pretends to profile a data set.",
    parameters=DataProcessingParameters,
    handler="atropos_worker.handlers.data_processing:run",
    example={"rows": 5000, "processing_time": 5},
)
report_generation = TaskType(
    name="report_generation",
    description="Pretends to typeset a report.",
    parameters=ReportGenerationParameters,
    handler="atropos_worker.handlers.report_generation:run",
    example={"title": "Q3", "pages": 12, "processing_time": 5},
)
video_processing = TaskType(
    name="video_processing",
    description="Pretends to transcode a video.",
    parameters=VideoProcessingParameters,
    handler="atropos_worker.handlers.video_processing:run",
    example={"duration_seconds": 90, "resolution": "1920x1080", "processing_time": 5},
)
