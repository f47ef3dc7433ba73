"""What a media file has in it, read from what ffmpeg says about it: the wheel has no ffprobe."""

import re
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from atropos_worker.handlers.video import process, program
from atropos_worker.handlers.video.failure import failure

#: Of what ffmpeg says about a file, the lines that are looked at.
KEPT_LINES = 2000

INPUT = re.compile(r"Input #0, (?P<format>\S+), from ")
DURATION = re.compile(r"  Duration: (?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?),")
BIT_RATE = re.compile(r", bitrate: (\d+) kb/s")
STREAM = re.compile(r"  Stream #0:\d+\S*: (?P<kind>Video|Audio): (?P<codec>\w+)(?P<rest>.*)")
SIZE = re.compile(r", (\d{1,6})x(\d{1,6})(?=[ ,]|$)")
RATE = re.compile(r", ([\d.]+)(k?) (?:fps|tbr)")
SAMPLES = re.compile(r", (\d+) Hz, ([^,]+)")
ROTATION = re.compile(r"(?:displaymatrix|Display Matrix): rotation of (-?[\d.]+) degrees")


class VideoStream(BaseModel):
    """The first stream of moving pictures, as it is shown: turned as the file says."""

    codec: str
    width: int
    height: int
    frames_per_second: float | None


class AudioStream(BaseModel):
    """The first stream of sound."""

    codec: str
    sample_rate: int
    channels: str


class Probe(BaseModel):
    """A media file. Where nothing says how long it is, `duration_seconds` is none."""

    format: str
    size_bytes: int
    duration_seconds: float | None = None
    bit_rate: int | None = None
    video: VideoStream | None = None
    audio: AudioStream | None = None


def probe(ffmpeg: str, path: Path, check: Callable[[], None]) -> Probe:
    """Look into the file. Raises Permanent when it is no media file, and what `check` raises."""
    command = [ffmpeg, "-hide_banner", "-nostdin", *program.reading(path)]
    # Without an output it ends with an error of its own once it has told what the file is.
    ended = process.run(command, lambda _: check(), kept_lines=KEPT_LINES, first=True)
    found = read(ended.lines, path.stat().st_size)
    if found is None:
        raise failure(ended, path)
    return found


def read(lines: list[str], size_bytes: int) -> Probe | None:
    """What these lines of ffmpeg's say; none if it did not understand the file."""
    found: Probe | None = None
    for line in lines:
        if found is None:
            if named := INPUT.match(line):
                found = Probe(format=named["format"], size_bytes=size_bytes)
        elif duration := DURATION.match(line):
            _note_duration(found, duration, line)
        elif stream := STREAM.match(line):
            _note_stream(found, stream)
        elif turned := ROTATION.search(line):
            _turn(found, float(turned[1]))
    return found


def _note_duration(found: Probe, duration: re.Match[str], line: str) -> None:
    if found.duration_seconds is None:
        hours, minutes, seconds = duration["hours"], duration["minutes"], duration["seconds"]
        found.duration_seconds = int(hours) * 3600 + int(minutes) * 60 + float(seconds) or None
        rate = BIT_RATE.search(line)
        found.bit_rate = int(rate[1]) * 1000 if rate else None


def _note_stream(found: Probe, stream: re.Match[str]) -> None:
    codec, rest = stream["codec"], stream["rest"]
    size, samples = SIZE.search(rest), SAMPLES.search(rest)
    # A picture that is attached, such as the cover of an album, does not move.
    if stream["kind"] == "Video" and size and found.video is None and "(attached pic)" not in rest:
        rate = RATE.search(rest)
        frames = float(rate[1]) * (1000 if rate[2] else 1) if rate else None
        width, height = int(size[1]), int(size[2])
        found.video = VideoStream(codec=codec, width=width, height=height, frames_per_second=frames)
    elif stream["kind"] == "Audio" and samples and found.audio is None:
        found.audio = AudioStream(codec=codec, sample_rate=int(samples[1]), channels=samples[2])


def _turn(found: Probe, degrees: float) -> None:
    """Phones write upright videos lying, with a note to turn them; ffmpeg does, and so are the sizes."""
    if found.video is not None and round(abs(degrees)) % 180 == 90:
        found.video.width, found.video.height = found.video.height, found.video.width
