"""The example package, installed as its README says, in a service that knows nothing of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack

EXAMPLE = Path(__file__).parents[2] / "examples" / "word_count"
UV = Path(sys.executable).with_name("uv")
OPTIONS = ["--quiet", "--offline", "--no-cache", "--no-deps", "--no-build-isolation", "--python", sys.executable]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package was built and installed into."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run([UV, "pip", "install", *OPTIONS, "--target", target, EXAMPLE], check=True, timeout=120)
    return target


@pytest.fixture(scope="module")
def extended_stack(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service whose processes find the package."""
    paths = [str(installed), os.environ.get("PYTHONPATH")]
    extended = Stack(tmp_path_factory.mktemp("extended"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        try:
            yield extended.start_servers().start_all()
        finally:
            extended.stop()


def test_its_own_tests_pass(installed: Path) -> None:
    """They need no services."""
    paths = [str(installed), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    subprocess.run(command, cwd=EXAMPLE, env=environment, check=True, timeout=120)


def test_its_type_is_listed(extended_stack: Stack) -> None:
    """The type of an installed package is shown with the schema of its parameters."""
    required = {
        found["name"]: found["parameters"].get("required")
        for found in extended_stack.http.get("/task-types").json()["task_types"]
    }
    expected = {"word_count": ["text"], "default": None}
    assert expected.items() <= required.items()


def test_its_tasks_run(extended_stack: Stack) -> None:
    """A task of the type ends with what the package's handler returned."""
    parameters = {"text": "to be or\nnot to be", "most_common": 2}
    task_id = extended_stack.submit("word_count", parameters=parameters)
    ended = extended_stack.wait_for(task_id, "completed", "failed")
    expected = {"words": 6, "different": 4, "most_common": {"to": 2, "be": 2}}
    assert expected == ended["result"], ended


def test_its_parameters_are_checked(extended_stack: Stack) -> None:
    """The API refuses parameters that the package's model refuses, and names the one that is wrong."""
    refused = extended_stack.http.post("/tasks", json={"task_type": "word_count", "parameters": {"text": 5}})
    expected = (422, ["body", "word_count", "parameters", "text"])
    assert expected == (refused.status_code, refused.json()["errors"][0]["location"])
