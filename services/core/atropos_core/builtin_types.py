"""The task types that ship with Atropos: their parameters, for the API. Handlers are in the worker."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from atropos_core.catalog import TaskParameters, TaskType

# Named twice, as handlers and others import them from here.
from atropos_core.data_parameters import DataProcessingParameters as DataProcessingParameters
from atropos_core.report_parameters import ReportGenerationParameters as ReportGenerationParameters
from atropos_core.simulation_parameters import SIMULATION
from atropos_core.simulation_parameters import SimulationParameters as SimulationParameters
from atropos_core.sources import Source

#: Of a picture, in pixels: most encoders want it even.
Side = Annotated[int, Field(ge=16, le=7680, multiple_of=2)]


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
    duration_seconds: float = Field(
        60, ge=0, le=10**6, description="Length of the pretended video.", json_schema_extra=SIMULATION
    )
    resolution: str = Field(
        "1280x720",
        pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",
        description="Width x height.",
        json_schema_extra=SIMULATION,
    )
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
        if self.source is not None:
            self.refuse_unknown_names()
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
    description="Filters, groups, joins and profiles tables, or runs one SELECT on them; without a source it pretends.",
    parameters=DataProcessingParameters,
    handler="atropos_worker.handlers.data_processing:run",
    example={"rows": 5000, "processing_time": 5},
)
report_generation = TaskType(
    name="report_generation",
    description="Makes a report of a table, with totals and charts, as PDF and HTML; without a source it pretends.",
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
