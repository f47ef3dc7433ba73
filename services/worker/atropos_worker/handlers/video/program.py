"""Which ffmpeg is run, and how it reads files that strangers made; probe.py and encode.py call it."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from atropos_core.settings import get_settings
from atropos_worker.outcome import MissingRequirement

#: The formats that are read. None of them names other files to read, as playlists and `concat` do.
FORMATS = (
    *("aac", "aiff", "asf", "avi", "dv", "flac", "flv", "gif", "h264", "hevc", "ivf", "matroska", "mov", "mp3", "mpeg"),
    *("mpegts", "mpegvideo", "mxf", "nut", "ogg", "wav", "webm", "yuv4mpegpipe"),
)


def find() -> str:
    """The path of ffmpeg. Raises MissingRequirement where there is none."""
    named = get_settings().ffmpeg
    if named is not None:
        if found := shutil.which(named):
            return found
        raise MissingRequirement(f"ATROPOS_FFMPEG names {named!r}, and there is no such program")
    if found := _of_the_extra() or shutil.which("ffmpeg"):
        return found
    raise MissingRequirement(
        "This worker has no ffmpeg: install atropos-worker[video], or ffmpeg on its PATH, or name it in ATROPOS_FFMPEG."
    )


def _of_the_extra() -> str | None:
    """The program inside the wheel, if the extra `video` is installed and has one for this machine."""
    if find_spec("imageio_ffmpeg") is None:
        return None
    import imageio_ffmpeg

    try:
        return shutil.which(str(imageio_ffmpeg.get_ffmpeg_exe()))
    except RuntimeError:
        return None


def reading(path: Path) -> list[str]:
    """The arguments that make it read this file and nothing else."""
    limits = get_settings()
    return [
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", ",".join(FORMATS)),
        *("-max_pixels", str(limits.video_max_pixels), "-threads", str(limits.video_threads), "-i", f"file:{path}"),
    ]
