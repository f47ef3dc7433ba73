"""The tests and examples of the TypeScript client, on the real service. Skipped where it is not installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.test_examples import RESULTS, SALES
from tests.stack import Stack

CLIENT = Path(__file__).parents[2] / "clients" / "typescript"


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder with the compiled client, tests and examples."""
    if shutil.which("npm") is None or not (CLIENT / "node_modules" / ".package-lock.json").exists():
        pytest.skip("the TypeScript client is not installed: make test, with Node 20 or newer on the PATH")
    run(["npm", "run", "--silent", "build-tests"])
    return CLIENT / "build"


def run(command: list[str], **environment: str) -> str:
    """What a command in the client's folder prints; it has to succeed."""
    done = subprocess.run(
        command, cwd=CLIENT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(built: Path, stack: Stack) -> None:
    """None of them is skipped for want of a service."""
    files = sorted(str(path) for path in (built / "tests").glob("*.test.js"))
    printed = run(["node", "--test", "--test-reporter=tap", *files], ATROPOS_API_URL=stack.api_url)
    assert "\n# skipped 0\n" in printed


def test_the_example_runs(built: Path, stack: Stack) -> None:
    """It follows a task, maps parameters in their order, and catches the error of one that fails."""
    lines = run(["node", str(built / "examples" / "typescript_client.js")], ATROPOS_API_URL=stack.api_url).splitlines()
    assert lines[0].startswith("submitted ")
    assert lines[-5:-1] == [f"{rows} completed" for rows in (1000, 2000, 3000, 4000)]
    assert lines[-1].startswith("failed ")


def test_a_table_of_sales_becomes_a_report(built: Path, stack: Stack, tmp_path: Path) -> None:
    """As from Python: test_examples.py."""
    (tmp_path / "sales.csv").write_text(SALES)
    example = str(built / "examples" / "sales_report.js")
    run(["node", example, str(tmp_path / "sales.csv"), str(tmp_path / "results")], ATROPOS_API_URL=stack.api_url)
    assert sorted(made.name for made in (tmp_path / "results").iterdir()) == RESULTS
