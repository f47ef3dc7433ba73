"""What it means that ffmpeg ended with an error."""

import re
from pathlib import Path

from atropos_worker.handlers.video.process import Ended
from atropos_worker.handlers.video.program import FORMATS
from atropos_worker.outcome import Permanent

#: Where a line of ffmpeg's comes from, such as `[mov,mp4,m4a @ 0x55d0]`.
ORIGIN = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ")
#: What has nothing to do with the file.
OF_THE_MACHINE = re.compile(r"No space left on device|Cannot allocate memory|Resource temporarily unavailable")
#: What only says that an earlier line was meant.
SUMMARY = re.compile(r"^(Error opening (input|output)( files?)?[ :]|At least one output file|Conversion failed!)")
#: A playlist, or whatever else `program.FORMATS` leaves out.
OTHER_FORMAT = re.compile(r"^Format not on whitelist")


class FfmpegFailed(Exception):
    """It may work on another attempt: the machine was short of something, or ffmpeg was killed."""


def failure(ended: Ended, *paths: Path) -> Exception:
    """Permanent, with ffmpeg's own last line, if it is the file's fault; paths of this machine are left out."""
    said = [cleaned(line, *paths) for line in ended.lines]
    telling = [line for line in said if line and not SUMMARY.match(line)] or said
    last = telling[-1] if telling else f"exit code {ended.exit_code}"
    if ended.exit_code < 0:
        return FfmpegFailed(f"ffmpeg was ended by signal {-ended.exit_code}: {last}")
    if any(OF_THE_MACHINE.search(line) for line in said):
        return FfmpegFailed(f"ffmpeg: {last}")
    if any(OTHER_FORMAT.match(line) for line in said):
        return Permanent(f"its format is none of those that are read: {', '.join(FORMATS)}")
    return Permanent(f"ffmpeg: {last}")


def cleaned(line: str, *paths: Path) -> str:
    """The line without addresses in memory and paths of this machine."""
    line = ORIGIN.sub("", line)
    for path in paths:
        line = line.replace(f"file:{path}", "the file").replace(str(path), "the file")
    return line.strip()
