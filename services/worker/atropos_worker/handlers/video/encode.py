"""The three things made of a video, each by one run of ffmpeg: the video anew, its sound, a sheet of thumbnails."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from atropos_core.builtin_types import AudioOutput, ThumbnailsOutput, VideoOutput
from atropos_core.settings import get_settings
from atropos_worker.handlers.video import process, program
from atropos_worker.handlers.video.failure import cleaned, failure
from atropos_worker.handlers.video.process import Ended, Position
from atropos_worker.outcome import Permanent

#: Constant rate factors of a quality, by encoder: the lower, the better and the larger.
H264_FACTORS = {"low": "28", "medium": "23", "high": "18"}
VP9_FACTORS = {"low": "40", "medium": "33", "high": "24"}
AUDIO_CODECS = {
    "m4a": ("-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart"),
    "mp3": ("-c:a", "libmp3lame", "-q:a", "2"),
    "opus": ("-c:a", "libopus", "-b:a", "96k"),
    "flac": ("-c:a", "flac"),
    "wav": ("-c:a", "pcm_s16le"),
}
#: If thumbnails are further apart than this, only frames that stand for themselves are decoded.
KEY_FRAMES_SECONDS = 30.0
#: With errors on the way, less than this share of what the file promised is a broken file.
WHOLE = 0.9


@dataclass(frozen=True)
class Part:
    """What of the source is used; `seconds` is none where nobody knows how long it is."""

    path: Path
    start: float
    #: How long it is, at most.
    seconds: float | None
    #: Whether it ends before the source does.
    trimmed: bool
    #: Whether only frames that stand for themselves are decoded, which is much faster.
    key_frames: bool = False

    @property
    def arguments(self) -> list[str]:
        """What makes ffmpeg read it."""
        start = ["-ss", f"{self.start:.6f}"] if self.start else []
        end = ["-t", f"{self.seconds:.6f}"] if self.trimmed and self.seconds is not None else []
        skip = ["-skip_frame", "nokey"] if self.key_frames else []
        return [*skip, *start, *end, *program.reading(self.path)]


def video(output: VideoOutput, *, has_audio: bool) -> list[str]:
    """The arguments that make it anew."""
    sound: tuple[str, ...] = ("-map", "0:a:0") if has_audio else ("-an",)
    picture = ("-map", "0:V:0", "-sn", "-dn", "-vf", _fitted(output.width, output.height), "-pix_fmt", "yuv420p")
    if output.format == "webm":
        vp9 = ("-c:v", "libvpx-vp9", "-b:v", "0", "-crf", VP9_FACTORS[output.quality], "-row-mt", "1", "-cpu-used", "4")
        return [*picture, *sound, *vp9, "-deadline", "good", "-c:a", "libopus", "-b:a", "96k"]
    h264 = ("-c:v", "libx264", "-preset", "fast", "-crf", H264_FACTORS[output.quality], "-movflags", "+faststart")
    return [*picture, *sound, *h264, "-c:a", "aac", "-b:a", "128k"]


def audio(output: AudioOutput) -> list[str]:
    """The arguments that take the sound out."""
    return ["-map", "0:a:0", "-vn", "-sn", "-dn", *AUDIO_CODECS[output.format]]


def for_thumbnails(part: Part, every: float) -> Part:
    """The part, as it is read for thumbnails that are so far apart."""
    return replace(part, key_frames=every > KEY_FRAMES_SECONDS)


def thumbnails(output: ThumbnailsOutput, every: float) -> list[str]:
    """The arguments that make one picture of many, a frame out of the middle of each `every` seconds."""
    tile = f"fps=1/{every:.6f}:round=near,scale={output.width}:-2,setsar=1,tile={output.columns}x{output.rows}"
    drawn = ("-q:v", "3", "-pix_fmt", "yuvj420p") if output.format == "jpg" else ()
    # The picture comes at the very end, and ffmpeg tells no position before it has begun each output. A second output,
    # of nothing, is what it counts frames by.
    counted = ("-map", "0:V:0", "-f", "null", "-")
    sheet = ("-map", "0:V:0", "-vf", tile, "-frames:v", "1", *drawn, "-f", "image2", "-update", "1")
    return [*counted, *sheet]


def _fitted(width: int | None, height: int | None) -> str:
    """Into a box, without distorting it, to even sides, as most players need."""
    if width is None and height is None:
        return "scale=trunc(iw/2)*2:trunc(ih/2)*2"
    if width is None or height is None:
        return f"scale={-2 if width is None else width}:{-2 if height is None else height}"
    return f"scale={width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2"


def encode(ffmpeg: str, part: Part, arguments: list[str], target: Path, follow: Callable[[Position], None]) -> Ended:
    """Write `target`. Raises Permanent for what cannot be read or is too large, and what `follow` raises."""
    limits = get_settings()
    command = [
        *(ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-progress", "pipe:1"),
        *("-stats_period", str(process.REPORT_SECONDS), *part.arguments, *arguments),
        *("-threads", str(limits.video_threads), "-filter_threads", str(limits.video_threads), "-y", f"file:{target}"),
    ]

    def bounded(position: Position) -> None:
        follow(position)
        if position.seconds > limits.video_max_seconds:
            raise Permanent(f"it is longer than {limits.video_max_seconds:g} s")
        if position.size_bytes > limits.video_max_output_bytes:
            raise Permanent(f"the result has more than {limits.video_max_output_bytes:,} bytes")

    ended = process.run(command, bounded)
    if ended.exit_code:
        raise failure(ended, part.path, target)
    if not target.exists() or not target.stat().st_size:
        raise Permanent("nothing was written: there is nothing in this part of the file")
    return ended


def check_whole(ended: Ended, part: Part, seconds: float) -> None:
    """Raises Permanent if ffmpeg met errors, and the `seconds` it read are much less than the file promised."""
    if part.seconds is not None and ended.lines and seconds < part.seconds * WHOLE:
        last = cleaned(ended.lines[-1], part.path)
        raise Permanent(f"the file is broken: of {part.seconds:.1f} s only {seconds:.1f} can be read; ffmpeg: {last}")
