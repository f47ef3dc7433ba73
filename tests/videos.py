"""Makes videos for tests and benchmarks with ffmpeg itself: moving bars with a clock, and a tone."""

import subprocess
from pathlib import Path

from atropos_worker.handlers.video import program


def make(path: Path, *arguments: str) -> Path:
    """Run ffmpeg with these arguments before the name of the file."""
    command = [program.find(), "-y", "-hide_banner", "-nostdin", "-loglevel", "error", *arguments, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def clip(path: Path, *, seconds: float = 4, size: str = "320x180", rate: int = 25, extra: tuple[str, ...] = ()) -> Path:
    """A video with sound; the extension names the format."""
    return make(
        path,
        *("-f", "lavfi", "-i", f"testsrc=size={size}:rate={rate}:duration={seconds}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", *extra),
    )
