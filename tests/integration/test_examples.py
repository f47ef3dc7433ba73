"""The Python programs in `examples`, run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

EXAMPLES = Path(__file__).parents[2] / "examples"
RESULTS = ["data.parquet", "profile.json", "report.pdf"]


SALES = "day,amount\n" + "".join(f"2026-01-{day:02},{amount}\n" for day in (1, 2, 3) for amount in (5, 7.5))


def run(name: str, stack: Stack, *arguments: str | Path) -> list[str]:
    """The lines that an example prints; it has to succeed."""
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["sh" if name.endswith(".sh") else sys.executable, EXAMPLES / name, *arguments],
        env={**os.environ, "ATROPOS_API_URL": stack.api_url, "PATH": f"{scripts}:{os.environ['PATH']}"},
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


@pytest.mark.parametrize("name", ["sales_report.py", "sales_report.sh"])
def test_a_table_of_sales_becomes_a_report(name: str, stack: Stack, tmp_path: Path) -> None:
    """From Python and from the command line; another test makes it from TypeScript."""
    (tmp_path / "sales.csv").write_text(SALES)
    run(name, stack, tmp_path / "sales.csv", tmp_path / "results")
    assert sorted(made.name for made in (tmp_path / "results").iterdir()) == RESULTS
    assert (tmp_path / "results" / "report.pdf").read_bytes().startswith(b"%PDF-")
