"""The settings of `video_processing`. A part of settings.py."""

from pydantic import Field
from pydantic_settings import BaseSettings


class VideoSettings(BaseSettings):
    """Inherited by `Settings`, which tells how the names in the environment are made."""

    #: The ffmpeg that video tasks run; none is that of the worker's extra `video`, or else the one on the PATH.
    ffmpeg: str | None = None
    #: Threads that it decodes, filters and encodes with, each.
    video_threads: int = Field(4, ge=1, le=128)
    #: The longest video that is worked on.
    video_max_seconds: float = Field(6 * 3600.0, gt=0)
    #: The largest frame, in pixels: the default is one of 8K.
    video_max_pixels: int = Field(8192 * 4320, ge=256)
    #: The largest file that ffmpeg may write; it is ended when there is more.
    video_max_output_bytes: int = Field(5 * 1024**3, ge=1)
