"""The work on videos, with real ffmpeg and files that it made: what comes out, and what is refused."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atropos_core.builtin_types import VideoProcessingParameters
from atropos_worker.handlers.video import process, program
from atropos_worker.handlers.video.failure import FfmpegFailed, failure
from atropos_worker.handlers.video.probe import Probe, probe, read
from atropos_worker.handlers.video.process import Ended, Position
from atropos_worker.handlers.video.work import VideoReport, Work
from atropos_worker.outcome import Permanent, Stopped
from tests.videos import clip, make


class Attempt:
    """What the work needs of a context; keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "scratch"
        self.kept = folder / "kept"
        self.scratch.mkdir()
        self.kept.mkdir()
        self.reports: list[float] = []
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.stop_after_progress = False

    def artifact(self, path: Path, *, name: str | None = None, media_type: str | None = None) -> None:
        (self.kept / (name or path.name)).write_bytes(path.read_bytes())

    def progress(self, fraction: float, message: str | None = None) -> None:
        self.raise_if_stopped()
        self.reports.append(fraction)
        if self.stop_after_progress and fraction:
            self.stop.set()

    def log(self, message: str, /, **fields: object) -> None:
        self.lines.append(message)

    def raise_if_stopped(self) -> None:
        if self.stop.is_set():
            raise Stopped


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of 320x180 with sound."""
    return clip(tmp_path_factory.mktemp("video") / "source.mp4", extra=("-movflags", "+faststart"))


def work(attempt: Attempt, source: Path, **parameters: Any) -> VideoReport:
    return Work(VideoProcessingParameters.model_validate(parameters), attempt, source).run()


def look(path: Path) -> Probe:
    return probe(program.find(), path, lambda: None)


def near(value: float | None, expected: float, tolerance: float = 0.15) -> bool:
    return value is not None and abs(value - expected) < tolerance


def test_a_video_is_made_anew(attempt: Attempt, source: Path) -> None:
    """Without a wish it is an MP4 of the same size and length; progress only grows, and scratch is left empty."""
    report = work(attempt, source)
    made = look(attempt.kept / "video.mp4")
    assert (made.video and (made.video.codec, made.video.width, made.video.height)) == ("h264", 320, 180)
    assert made.audio is not None
    assert made.audio.codec == "aac"
    assert near(made.duration_seconds, 4)
    assert [(each.kind, each.name, each.probe) for each in report.made] == [("video", "video.mp4", made)]
    assert report.probe.audio is not None
    assert near(report.probe.duration_seconds, 4)
    assert attempt.reports == sorted(attempt.reports)
    assert attempt.reports[-1] > 0.9
    assert not list(attempt.scratch.iterdir())


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ({"width": 160}, (160, 90)),
        ({"height": 90}, (160, 90)),
        ({"width": 100, "height": 90}, (100, 56)),
        ({"width": 640, "height": 90}, (160, 90)),
    ],
)
def test_it_is_scaled_into_a_box(box: dict[str, int], size: tuple[int, int], attempt: Attempt, source: Path) -> None:
    """It keeps its shape, and even sides."""
    work(attempt, source, video=box, end_seconds=0.4)
    made = look(attempt.kept / "video.mp4")
    assert made.video is not None
    assert (made.video.width, made.video.height) == size


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [({"start_seconds": 1.0, "end_seconds": 2.5}, 1.5), ({"start_seconds": 3.0}, 1), ({"end_seconds": 90.0}, 4)],
)
def test_it_is_trimmed(limits: dict[str, float], seconds: float, attempt: Attempt, source: Path) -> None:
    """To the part between start and end, which may be beyond the file's own."""
    work(attempt, source, **limits)
    assert near(look(attempt.kept / "video.mp4").duration_seconds, seconds)


def test_odd_sides_are_made_even(attempt: Attempt, tmp_path: Path) -> None:
    """A file that most encoders would refuse is cut by a pixel."""
    odd = clip(tmp_path / "odd.mkv", size="161x91", seconds=0.5, extra=("-pix_fmt", "yuv444p"))
    work(attempt, odd)
    made = look(attempt.kept / "video.mp4")
    assert made.video is not None
    assert (made.video.width, made.video.height) == (160, 90)


def test_webm_is_made(attempt: Attempt, source: Path) -> None:
    """With VP9 and Opus."""
    work(attempt, source, video={"format": "webm", "quality": "low"}, end_seconds=0.5)
    made = look(attempt.kept / "video.webm")
    assert (made.video and made.video.codec, made.audio and made.audio.codec) == ("vp9", "opus")


@pytest.mark.parametrize(
    ("name", "codec"), [("m4a", "aac"), ("mp3", "mp3"), ("opus", "opus"), ("flac", "flac"), ("wav", "pcm_s16le")]
)
def test_its_sound_is_taken_out(name: str, codec: str, attempt: Attempt, source: Path) -> None:
    """In each format, and nothing else is made."""
    work(attempt, source, audio={"format": name})
    assert [path.name for path in attempt.kept.iterdir()] == [f"audio.{name}"]
    made = look(attempt.kept / f"audio.{name}")
    assert made.audio is not None
    assert (made.audio.codec, made.video) == (codec, None)
    assert near(made.duration_seconds, 4)


@pytest.mark.parametrize("name", ["jpg", "png"])
def test_a_sheet_of_thumbnails_is_made(name: str, attempt: Attempt, source: Path) -> None:
    """One picture, as wide and high as its frames together."""
    report = work(attempt, source, thumbnails={"columns": 3, "rows": 2, "width": 160, "format": name})
    said = subprocess.run(
        [program.find(), "-hide_banner", "-i", str(attempt.kept / f"thumbnails.{name}")],
        capture_output=True,
        check=False,
    ).stderr.decode()
    assert "480x180" in said
    assert near(report.made[0].every_seconds, 4 / 6)


def test_a_sheet_is_not_taken_for_stalled(attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture comes at the very end, and ffmpeg tells nothing before; it computes all the while."""
    monkeypatch.setattr(process, "STALLED_SECONDS", 0.3)
    work(attempt, clip(tmp_path / "long.mp4", seconds=60, size="1280x720"), thumbnails={})
    assert attempt.reports[-1] > 0.9


def test_a_cut_file_makes_no_sheet(attempt: Attempt, source: Path, tmp_path: Path) -> None:
    """Half of it would be empty."""
    with pytest.raises(Permanent, match=r"the file is broken: of 4\.0 s only"):
        work(attempt, _file("cut", source, tmp_path), thumbnails={})


def test_all_outputs_of_one_task(attempt: Attempt, source: Path) -> None:
    """Each is kept under a name of its own."""
    report = work(attempt, source, video={}, audio={}, thumbnails={}, end_seconds=1.0)
    assert [each.name for each in report.made] == ["video.mp4", "audio.m4a", "thumbnails.jpg"]
    assert {path.name for path in attempt.kept.iterdir()} == {each.name for each in report.made}
    assert attempt.reports == sorted(attempt.reports)


def test_a_video_without_a_known_length(attempt: Attempt, tmp_path: Path) -> None:
    """It is made all the same, as is a sheet with a frame each second."""
    raw = make(tmp_path / "raw.h264", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=3")
    report = work(attempt, raw, video={}, thumbnails={"columns": 2, "rows": 1, "width": 64})
    assert report.probe.duration_seconds is None
    assert report.made[1].every_seconds == 1


def test_a_turned_video_is_probed_as_it_is_shown(tmp_path: Path) -> None:
    """Phones note that a video is to be turned: its sides are swapped."""
    lying = clip(tmp_path / "lying.mp4", seconds=0.4)
    turned = make(tmp_path / "turned.mp4", "-display_rotation", "90", "-i", str(lying), "-c", "copy")
    found = look(turned)
    assert found.video is not None
    assert (found.video.width, found.video.height) == (180, 320)


def _file(kind: str, source: Path, folder: Path) -> Path:
    """A file of this kind."""
    path = folder / f"{kind}.mp4"
    whole = source.read_bytes()
    contents = {
        "empty": b"",
        "noise": bytes(range(256)) * 40,
        "html": b"<!doctype html><html><body>Not Found</body></html>",
        "cut": whole[: len(whole) // 3],
        "headless": whole[len(whole) // 3 :],
        "playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{source}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile {source}\n".encode(),
        "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "subtitles": b"1\n00:00:00,000 --> 00:00:04,000\nHello\n",
    }
    path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    "kind",
    ["empty", "noise", "html", "cut", "headless", "playlist", "concat", "dash", "sdp", "svg", "subtitles"],
)
def test_broken_and_hostile_files_are_refused(kind: str, attempt: Attempt, source: Path, tmp_path: Path) -> None:
    """For good, with a reason in which no path of this machine is, and nothing is kept."""
    with pytest.raises(Permanent) as raised:
        work(attempt, _file(kind, source, tmp_path))
    assert str(tmp_path) not in str(raised.value)
    assert "@ 0x" not in str(raised.value)
    assert len(str(raised.value)) > 15
    assert not list(attempt.kept.iterdir())


def test_other_files_are_not_read(attempt: Attempt, source: Path, tmp_path: Path) -> None:
    """A playlist is told apart from a video by what is in it, whatever its name."""
    with pytest.raises(Permanent, match="its format is none of those that are read"):
        work(attempt, _file("concat", source, tmp_path))


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"start_seconds": 4.0}, "the file is over after 4 s"),
        ({"audio": {}}, "there is no sound in the file"),
    ],
)
def test_what_the_file_does_not_have_is_refused(
    parameters: dict[str, Any], why: str, attempt: Attempt, tmp_path: Path
) -> None:
    """Before anything is made."""
    silent = make(tmp_path / "silent.mp4", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=4")
    with pytest.raises(Permanent, match=why):
        work(attempt, silent, **parameters)


def test_sound_alone_is_no_video(attempt: Attempt, tmp_path: Path) -> None:
    """Nor are frames to be had of it."""
    tone = make(tmp_path / "tone.wav", "-f", "lavfi", "-i", "sine=duration=1")
    with pytest.raises(Permanent, match="there are no moving pictures in the file"):
        work(attempt, tone)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("video_max_seconds", 3, "it is 4 s long, and at most 3 s are worked on"),
        ("video_max_pixels", 10_000, "pixels|Picture size"),
        ("video_max_output_bytes", 2000, "the result has more than 2,000 bytes"),
    ],
)
def test_limits(
    name: str, value: int, why: str, attempt: Attempt, source: Path, setting: Callable[[str, object], None]
) -> None:
    """Length, size of a frame, and size of the result."""
    setting(name, value)
    with pytest.raises(Permanent, match=why):
        work(attempt, source)
    assert not list(attempt.kept.iterdir())


def test_the_length_is_limited_though_nobody_knows_it(
    attempt: Attempt, tmp_path: Path, setting: Callable[[str, object], None]
) -> None:
    """Counted while it is made, and not believed."""
    setting("video_max_seconds", 2)
    raw = make(tmp_path / "raw.h264", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=30")
    with pytest.raises(Permanent, match="it is longer than 2 s"):
        work(attempt, raw)


def test_no_ffmpeg_names_the_extra(monkeypatch: pytest.MonkeyPatch, attempt: Attempt, source: Path) -> None:
    """A worker without it says what to install."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(program, "_of_the_extra", lambda: None)
    with pytest.raises(Permanent, match=r"atropos-worker\[video\]"):
        work(attempt, source)


def test_ffmpeg_may_be_named(setting: Callable[[str, object], None]) -> None:
    """The setting comes first; one that is not there is told."""
    setting("ffmpeg", sys.executable)
    assert program.find() == sys.executable
    setting("ffmpeg", "/nowhere/ffmpeg")
    with pytest.raises(Permanent, match="/nowhere/ffmpeg"):
        program.find()


def test_it_stops_when_told(attempt: Attempt, source: Path) -> None:
    """In the middle; ffmpeg is gone, and nothing is kept."""
    attempt.stop_after_progress = True
    with pytest.raises(Stopped):
        work(attempt, clip(attempt.scratch.parent / "long.mp4", seconds=20, size="640x360"))
    assert not list(attempt.kept.iterdir())


def test_a_process_that_gets_nowhere_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep the slot for ever."""
    monkeypatch.setattr(process, "STALLED_SECONDS", 0.5)
    with pytest.raises(process.Stalled):
        process.run(["/bin/sleep", "60"], lambda _: None)


@pytest.mark.parametrize(
    ("exit_code", "line", "error"),
    [
        (-9, "", FfmpegFailed),
        (1, "av_interleaved_write_frame(): No space left on device", FfmpegFailed),
        (1, "[in#0 @ 0x55] moov atom not found", Permanent),
    ],
)
def test_what_is_the_machines_fault_is_tried_again(exit_code: int, line: str, error: type[Exception]) -> None:
    """A full disk, or a kill, may be over later; a broken file stays broken."""
    assert type(failure(Ended(exit_code, [line], Position()))) is error


def test_lines_of_older_versions_are_read() -> None:
    """Debian's ffmpeg 5.1 names streams a little differently; a cover is no video."""
    lines = [
        "Input #0, mp3, from 'file:/x':",
        "  Duration: 01:02:03.50, start: 0.025057, bitrate: 128 kb/s",
        "    title           : Stream #0:0: Video: h264, yuv420p, 9x9, 1 fps",
        "  Stream #0:0: Audio: mp3, 48000 Hz, stereo, fltp, 128 kb/s",
        "  Stream #0:1: Video: mjpeg (Baseline), yuvj420p, 500x500 [SAR 1:1 DAR 1:1], 90k tbr, 90k tbn (attached pic)",
    ]
    found = read(lines, 5)
    assert found is not None
    assert (found.duration_seconds, found.bit_rate, found.video) == (3723.5, 128_000, None)
    assert found.audio is not None
    assert (found.audio.sample_rate, found.audio.channels) == (48_000, "stereo")
