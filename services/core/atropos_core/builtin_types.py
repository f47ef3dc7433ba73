"""The task types that ship with Atropos: their parameters, for the API. Handlers are in the worker."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from atropos_core.catalog import TaskParameters, TaskType
from atropos_core.sources import Source

#: Of a picture, in pixels: most encoders want it even.
Side = Annotated[int, Field(ge=16, le=7680, multiple_of=2)]
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


class VideoOutput(TaskParameters):
    """The video anew: in another format, smaller, or cut."""

    format: Literal["mp4", "webm"] = Field("mp4", description="H.264 and AAC, or VP9 and Opus.")
    width: Side | None = Field(None, description="The box it is fitted into; with one side the other follows.")
    height: Side | None = Field(None, description="The same.")
    quality: Literal["low", "medium", "high"] = Field("medium", description="The higher, the larger.")


class AudioOutput(TaskParameters):
    """The sound alone."""

    format: Literal["m4a", "mp3", "opus", "flac", "wav"] = "m4a"


class ThumbnailsOutput(TaskParameters):
    """One picture of many frames, evenly spread."""

    columns: int = Field(4, ge=1, le=10)
    rows: int = Field(4, ge=1, le=10)
    width: Side = Field(320, description="Of each frame.")
    format: Literal["jpg", "png"] = "jpg"


class VideoProcessingParameters(SimulationParameters):
    duration_seconds: float = Field(60, ge=0, le=10**6, description="Length of the pretended video.")
    resolution: str = Field("1280x720", pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", description="Width x height.")
    source: Source | None = Field(None, description="A media file to work on; without one it pretends.")
    start_seconds: float = Field(0, ge=0, le=10**6, description="Of the source, what is before is left out.")
    end_seconds: float | None = Field(None, gt=0, le=10**6, description="And what is after.")
    video: VideoOutput | None = Field(None, description="Make the video anew; done if no other output is named.")
    audio: AudioOutput | None = Field(None, description="Make a file of its sound.")
    thumbnails: ThumbnailsOutput | None = Field(None, description="Make a sheet of thumbnails.")

    @model_validator(mode="after")
    def _make_sense_together(self) -> "VideoProcessingParameters":
        if self.end_seconds is not None and self.end_seconds <= self.start_seconds:
            raise ValueError("end_seconds must be greater than start_seconds")
        if self.source is not None and self.model_extra:
            raise ValueError(f"with a source there is no parameter {min(self.model_extra)!r}")
        return self


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
    description="Transcodes, scales and trims a video, takes its sound and thumbnails; without a source it pretends.",
    parameters=VideoProcessingParameters,
    handler="atropos_worker.handlers.video_processing:run",
    example={"duration_seconds": 90, "resolution": "1920x1080", "processing_time": 5},
)
