"""What the work on videos refuses, and what ends it: broken and hostile files, limits; with real ffmpeg."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atropos_core.builtin_types import video_processing
from atropos_sdk import testing
from atropos_worker.handlers.video import process, program
from atropos_worker.handlers.video.failure import FfmpegFailed, failure
from atropos_worker.handlers.video.process import Ended, Position
from atropos_worker.outcome import MissingRequirement, Permanent, Stopped
from tests.unit.video_attempt import Attempt, work
from tests.videos import clip, make


def test_a_cut_file_makes_no_sheet(attempt: Attempt, video: Path, tmp_path: Path) -> None:
    """Half of it would be empty."""
    with pytest.raises(Permanent, match=r"the file is broken: of 4\.0 s only"):
        work(attempt, _file("cut", video, tmp_path), thumbnails={})


def _file(kind: str, video: Path, folder: Path) -> Path:
    """A file of this kind."""
    path = folder / f"{kind}.mp4"
    whole = video.read_bytes()
    contents = {
        "empty": b"",
        "noise": bytes(range(256)) * 40,
        "html": b"<!doctype html><html><body>Not Found</body></html>",
        "cut": whole[: len(whole) // 3],
        "headless": whole[len(whole) // 3 :],
        "playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{video}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile {video}\n".encode(),
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
def test_broken_and_hostile_files_are_refused(kind: str, attempt: Attempt, video: Path, tmp_path: Path) -> None:
    """For good, with a reason in which no path of this machine is, and nothing is kept."""
    with pytest.raises(Permanent) as raised:
        work(attempt, _file(kind, video, tmp_path))
    assert str(tmp_path) not in str(raised.value)
    assert "@ 0x" not in str(raised.value)
    assert len(str(raised.value)) > 15
    assert not list(attempt.kept.iterdir())


def test_other_files_are_not_read(attempt: Attempt, video: Path, tmp_path: Path) -> None:
    """A playlist is told apart from a video by what is in it, whatever its name."""
    with pytest.raises(Permanent, match="its format is none of those that are read"):
        work(attempt, _file("concat", video, tmp_path))


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
    name: str, value: int, why: str, attempt: Attempt, video: Path, setting: Callable[[str, object], None]
) -> None:
    """Length, size of a frame, and size of the result."""
    setting(name, value)
    with pytest.raises(Permanent, match=why):
        work(attempt, video)
    assert not list(attempt.kept.iterdir())


def test_the_length_is_limited_though_nobody_knows_it(
    attempt: Attempt, tmp_path: Path, setting: Callable[[str, object], None]
) -> None:
    """Counted while it is made, and not believed."""
    setting("video_max_seconds", 2)
    raw = make(tmp_path / "raw.h264", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=30")
    with pytest.raises(Permanent, match="it is longer than 2 s"):
        work(attempt, raw)


def test_no_ffmpeg_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without it says what to install, before it fetches the source, which is not there."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(program, "_of_the_extra", lambda: None)
    error = testing.run(video_processing, {"source": {"url": "https://example.com/a.mp4"}}).error
    assert isinstance(error, MissingRequirement)
    assert "atropos-worker[video]" in str(error)


def test_ffmpeg_may_be_named(setting: Callable[[str, object], None]) -> None:
    """The setting comes first; one that is not there is told."""
    setting("ffmpeg", sys.executable)
    assert program.find() == sys.executable
    setting("ffmpeg", "/nowhere/ffmpeg")
    with pytest.raises(MissingRequirement, match="/nowhere/ffmpeg"):
        program.find()


def test_it_stops_when_told(attempt: Attempt, video: Path) -> None:
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
