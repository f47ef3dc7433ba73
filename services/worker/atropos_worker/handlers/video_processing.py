"""Works on a video, or pretends to transcode one where no source is given."""

from pydantic import BaseModel

from atropos_core.builtin_types import VideoProcessingParameters
from atropos_worker.context import TaskContext
from atropos_worker.handlers.simulation import pretend
from atropos_worker.handlers.video import program
from atropos_worker.handlers.video.work import VideoReport, Work

FRAMES_PER_SECOND = 25
#: A usual rate of H.264 at 25 frames per second: about a tenth of a bit for each pixel of each frame.
BITS_PER_PIXEL = 0.1


class VideoProcessingResult(BaseModel):
    simulated: bool = True
    resolution: str
    frames: int
    duration_seconds: float
    size_bytes: int


def run(parameters: VideoProcessingParameters, context: TaskContext) -> VideoProcessingResult | VideoReport:
    """The handler."""
    if parameters.source is not None:
        program.find()  # Before the source is fetched.
        return Work(parameters, context, context.input(parameters.source)).run()
    return _simulated(parameters, context)


def _simulated(parameters: VideoProcessingParameters, context: TaskContext) -> VideoProcessingResult:
    pretend(parameters, context, activity="transcoding")
    width, height = (int(side) for side in parameters.resolution.split("x"))
    frames = int(parameters.duration_seconds * FRAMES_PER_SECOND)
    return VideoProcessingResult(
        resolution=parameters.resolution,
        frames=frames,
        duration_seconds=parameters.duration_seconds,
        size_bytes=int(frames * width * height * BITS_PER_PIXEL / 8),
    )
