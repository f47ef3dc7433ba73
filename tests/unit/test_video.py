"""The work on videos, with real ffmpeg and files that it made: what comes out."""

import subprocess
from pathlib import Path

import pytest

from atropos_worker.handlers.video import process, program
from atropos_worker.handlers.video.probe import read
from tests.unit.video_attempt import Attempt, look, work
from tests.videos import clip, make


def near(value: float | None, expected: float, tolerance: float = 0.15) -> bool:
    return value is not None and abs(value - expected) < tolerance


def test_a_video_is_made_anew(attempt: Attempt, video: Path) -> None:
    """Without a wish it is an MP4 of the same size and length; progress only grows, and scratch is left empty."""
    report = work(attempt, video)
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
def test_it_is_scaled_into_a_box(box: dict[str, int], size: tuple[int, int], attempt: Attempt, video: Path) -> None:
    """It keeps its shape, and even sides."""
    work(attempt, video, video=box, end_seconds=0.4)
    made = look(attempt.kept / "video.mp4")
    assert made.video is not None
    assert (made.video.width, made.video.height) == size


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [({"start_seconds": 1.0, "end_seconds": 2.5}, 1.5), ({"start_seconds": 3.0}, 1), ({"end_seconds": 90.0}, 4)],
)
def test_it_is_trimmed(limits: dict[str, float], seconds: float, attempt: Attempt, video: Path) -> None:
    """To the part between start and end, which may be beyond the file's own."""
    work(attempt, video, **limits)
    assert near(look(attempt.kept / "video.mp4").duration_seconds, seconds)


def test_odd_sides_are_made_even(attempt: Attempt, tmp_path: Path) -> None:
    """A file that most encoders would refuse is cut by a pixel."""
    odd = clip(tmp_path / "odd.mkv", size="161x91", seconds=0.5, extra=("-pix_fmt", "yuv444p"))
    work(attempt, odd)
    made = look(attempt.kept / "video.mp4")
    assert made.video is not None
    assert (made.video.width, made.video.height) == (160, 90)


def test_webm_is_made(attempt: Attempt, video: Path) -> None:
    """With VP9 and Opus."""
    work(attempt, video, video={"format": "webm", "quality": "low"}, end_seconds=0.5)
    made = look(attempt.kept / "video.webm")
    assert (made.video and made.video.codec, made.audio and made.audio.codec) == ("vp9", "opus")


@pytest.mark.parametrize(
    ("name", "codec"), [("m4a", "aac"), ("mp3", "mp3"), ("opus", "opus"), ("flac", "flac"), ("wav", "pcm_s16le")]
)
def test_its_sound_is_taken_out(name: str, codec: str, attempt: Attempt, video: Path) -> None:
    """In each format, and nothing else is made."""
    work(attempt, video, audio={"format": name})
    assert [path.name for path in attempt.kept.iterdir()] == [f"audio.{name}"]
    made = look(attempt.kept / f"audio.{name}")
    assert made.audio is not None
    assert (made.audio.codec, made.video) == (codec, None)
    assert near(made.duration_seconds, 4)


@pytest.mark.parametrize("name", ["jpg", "png"])
def test_a_sheet_of_thumbnails_is_made(name: str, attempt: Attempt, video: Path) -> None:
    """One picture, as wide and high as its frames together."""
    report = work(attempt, video, thumbnails={"columns": 3, "rows": 2, "width": 160, "format": name})
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


def test_all_outputs_of_one_task(attempt: Attempt, video: Path) -> None:
    """Each is kept under a name of its own."""
    report = work(attempt, video, video={}, audio={}, thumbnails={}, end_seconds=1.0)
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
