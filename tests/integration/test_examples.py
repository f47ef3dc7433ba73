"""The Python programs in `examples`, run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

from tests.stack import Stack

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, stack: Stack, *arguments: str) -> list[str]:
    """The lines that an example prints; it has to succeed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env={**os.environ, "ATROPOS_API_URL": stack.api_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_python_client(stack: Stack) -> None:
    """It follows a task, maps parameters in their order, and catches the error of one that fails."""
    lines = run("python_client.py", stack)
    assert lines[0].startswith("submitted ")
    assert lines[-5:-1] == [f"{rows} completed" for rows in (1000, 2000, 3000, 4000)]
    assert lines[-1].startswith("failed ")


def test_the_python_client_with_asyncio(stack: Stack) -> None:
    """Three tasks beside each other, in any order."""
    assert sorted(line.split()[0] for line in run("python_asyncio_client.py", stack)) == ["10", "20", "30"]
