"""The README's curl lines, run as they stand."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.stack import Stack

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://localhost:8000"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Stops at the first line that fails, a refused request included; then tells which tasks the lines made.
STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body --max-time 60 "$@"; }\n'
ENDING = '\nprintf "\\n%s %s" "$TASK" "$LATER"\n'


@pytest.fixture(scope="module")
def lines() -> str:
    """All lines of the README's shell blocks."""
    return "".join(BLOCK.findall(README.read_text()))


def test_every_call_is_shown(lines: str) -> None:
    """The README shows how to submit, follow, list and cancel, and how to see the service's health."""
    calls = re.findall(r"curl .*?http://localhost:8000(/[^\s'?]+)", lines)
    task, later = "/tasks/$TASK", "/tasks/$LATER"
    shown = ["/tasks", f"{task}/status", f"{task}/events", f"{task}/result", "/tasks", f"{later}/cancel"]
    assert [*shown, "/tasks", "/health"] == calls


def test_the_lines_work_as_written(lines: str, stack: Stack) -> None:
    """Run one after the other they all succeed, and end in one completed and one cancelled task."""
    script = STRICT + lines.replace(ADDRESS, stack.api_url) + ENDING
    run = subprocess.run(["bash", "-x", "-c", script], capture_output=True, text=True, timeout=120)
    assert not run.returncode, f"{run.stdout}\n{run.stderr}"
    task, later = run.stdout.split()[-2:]
    expected = ["completed", "cancelled"]
    assert expected == [stack.task(task)["status"], stack.task(later)["status"]]
