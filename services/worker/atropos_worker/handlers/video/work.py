"""The work of one video task: look into the source, make what is asked for. video_processing.py calls it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel

from atropos_core.builtin_types import AudioOutput, ThumbnailsOutput, VideoOutput, VideoProcessingParameters
from atropos_core.settings import get_settings
from atropos_worker.handlers.video import encode, program
from atropos_worker.handlers.video.encode import Part
from atropos_worker.handlers.video.failure import cleaned
from atropos_worker.handlers.video.probe import Probe, probe
from atropos_worker.handlers.video.process import Ended, Position
from atropos_worker.outcome import Permanent

#: About how long each takes beside the others, for the progress.
WEIGHTS = {"video": 10, "audio": 1, "thumbnails": 3}
#: Where nobody knows how long a video is, a thumbnail is taken each so many seconds.
THUMBNAIL_SECONDS = 1.0
#: Machines know different ones.
MEDIA_TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "jpg": "image/jpeg",
    "png": "image/png",
}

Kind = Literal["video", "audio", "thumbnails"]
Outputs = dict[Kind, VideoOutput | AudioOutput | ThumbnailsOutput]


class Made(BaseModel):
    """One artifact, and what ffmpeg says of it."""

    kind: Kind
    name: str
    probe: Probe | None = None
    #: How far apart the thumbnails are.
    every_seconds: float | None = None
    #: How long it took to make.
    seconds: float


class VideoReport(BaseModel):
    """The result of a task with a source."""

    simulated: bool = False
    probe: Probe
    made: list[Made]


class Context(Protocol):
    """What of a TaskContext this needs."""

    @property
    def scratch(self) -> Path: ...

    def artifact(self, path: Path, *, name: str | None = None, media_type: str | None = None) -> object: ...

    def progress(self, fraction: float, message: str | None = None) -> None: ...

    def log(self, message: str, /, **fields: object) -> None: ...

    def raise_if_stopped(self) -> None: ...


class Work:
    """One attempt."""

    def __init__(self, parameters: VideoProcessingParameters, context: Context, source: Path) -> None:
        self._parameters = parameters
        self._context = context
        self._source = source
        self._ffmpeg = program.find()

    def run(self) -> VideoReport:
        """Do it all. Raises Permanent, Stopped, and what may be tried again."""
        found = probe(self._ffmpeg, self._source, self._context.raise_if_stopped)
        outputs = _asked(self._parameters)
        part = self._part(found)
        _check(found, outputs)
        self._context.log("probed", **found.model_dump(exclude_none=True))
        weights = [WEIGHTS[kind] for kind in outputs]
        made = []
        for index, (kind, output) in enumerate(outputs.items()):
            before, own, total = sum(weights[:index]), weights[index], sum(weights)
            follow = self._follow(kind, part, before / total, own / total)
            made.append(self._make(kind, output, found, part, follow))
        return VideoReport(probe=found, made=made)

    def _part(self, found: Probe) -> Part:
        """Raises Permanent if what is asked for is not in the file, or too long."""
        start, end = self._parameters.start_seconds, self._parameters.end_seconds
        whole, limit = found.duration_seconds, get_settings().video_max_seconds
        if whole is not None and start >= whole:
            raise Permanent(f"start_seconds is {start:g}, and the file is over after {whole:g} s")
        trimmed = end is not None and (whole is None or end < whole)
        until = end if trimmed else whole
        seconds = None if until is None else until - start
        if seconds is not None and seconds > limit:
            raise Permanent(f"it is {seconds:g} s long, and at most {limit:g} s are worked on")
        return Part(path=self._source, start=start, seconds=seconds, trimmed=trimmed)

    def _follow(self, kind: Kind, part: Part, before: float, share: float) -> Callable[[Position], None]:
        """Shows where ffmpeg is in this output, as a share of all of them."""

        def follow(position: Position) -> None:
            done = min(1.0, position.seconds / part.seconds) if part.seconds else 0.0
            self._context.progress(before + share * done, f"{kind}: {position.seconds:.1f} s")

        return follow

    def _make(
        self,
        kind: Kind,
        output: VideoOutput | AudioOutput | ThumbnailsOutput,
        found: Probe,
        part: Part,
        follow: Callable[[Position], None],
    ) -> Made:
        """Make one output, and hand it on as an artifact."""
        began = time.monotonic()
        name = f"{kind}.{output.format}"
        target = self._context.scratch / name
        every = None
        if isinstance(output, ThumbnailsOutput):
            frames = output.columns * output.rows
            every = part.seconds / frames if part.seconds else THUMBNAIL_SECONDS
            part, arguments = encode.for_thumbnails(part, every), encode.thumbnails(output, every)
        elif isinstance(output, AudioOutput):
            arguments = encode.audio(output)
        else:
            arguments = encode.video(output, has_audio=found.audio is not None)
        ended = encode.encode(self._ffmpeg, part, arguments, target, follow)
        self._note(kind, ended, part, found.video.frames_per_second if found.video else None)
        probed = None if kind == "thumbnails" else probe(self._ffmpeg, target, self._context.raise_if_stopped)
        self._context.artifact(target, name=name, media_type=MEDIA_TYPES[output.format])
        target.unlink()
        return Made(kind=kind, name=name, probe=probed, every_seconds=every, seconds=round(time.monotonic() - began, 3))

    def _note(self, kind: Kind, ended: Ended, part: Part, rate: float | None) -> None:
        """Keep with the task what ffmpeg complained about; fail if hardly anything came of it."""
        for line in ended.lines:
            self._context.log(f"ffmpeg: {cleaned(line, self._source)}", output=kind)
        if kind != "thumbnails":
            encode.check_whole(ended, part, ended.position.seconds)
        elif rate and not part.key_frames:
            # A sheet counts as one frame as long as all of it: what was read is told by the frames.
            encode.check_whole(ended, part, ended.position.frames / rate)


def _asked(parameters: VideoProcessingParameters) -> Outputs:
    """What is to be made; the video, if nothing is named."""
    outputs: Outputs = {}
    if parameters.video is not None:
        outputs["video"] = parameters.video
    if parameters.audio is not None:
        outputs["audio"] = parameters.audio
    if parameters.thumbnails is not None:
        outputs["thumbnails"] = parameters.thumbnails
    return outputs or {"video": VideoOutput()}


def _check(found: Probe, outputs: Outputs) -> None:
    """Raises Permanent if the file does not have what they are made of."""
    limit = get_settings().video_max_pixels
    if found.video is not None and found.video.width * found.video.height > limit:
        raise Permanent(
            f"its frames are {found.video.width}x{found.video.height}, and at most {limit:,} pixels are read"
        )
    if found.video is None and outputs.keys() & {"video", "thumbnails"}:
        raise Permanent("there are no moving pictures in the file")
    if found.audio is None and "audio" in outputs:
        raise Permanent("there is no sound in the file")
