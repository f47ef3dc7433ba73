"""From `atropos new-task` to a result, and to another one after a change: the five minutes of docs/write-a-task.md."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from atropos_cli.up_checks import CHECKOUT
from tests.integration.up import Up
from tests.stack import wait_until

ATROPOS = Path(sys.executable).with_name("atropos")
UV = Path(sys.executable).with_name("uv")
OFFLINE = ["--quiet", "--offline", "--no-cache", "--no-deps", "--no-build-isolation", "--python", sys.executable]


def new_task(name: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([ATROPOS, "new-task", name], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as it was written."""
    written = new_task("shout", tmp_path)
    assert written.returncode == 0, written.stderr
    return tmp_path / "shout"


def test_its_tests_pass(package: Path) -> None:
    """As they were written, without services, inside a checkout whose tests are of another kind."""
    shutil.copy(CHECKOUT / "pyproject.toml", package.parent)
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", package.name]
    tested = subprocess.run(command, cwd=package.parent, env=environment, capture_output=True, text=True, timeout=120)
    assert "2 passed" in tested.stdout, tested.stdout + tested.stderr


@pytest.mark.parametrize("name", ["Shout", "a-b", "1a", "", "../x", "class", "json", "default", "pytest", "tests", "é"])
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    """Names that could not be imported, or would hide something else; nothing is written."""
    refused = new_task(name, tmp_path)
    assert refused.returncode == 2, refused.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """An existing folder is not written to."""
    (tmp_path / "shout").mkdir()
    refused = new_task("shout", tmp_path)
    assert (refused.returncode, "is there already" in refused.stderr) == (2, True)
    assert list((tmp_path / "shout").iterdir()) == []


class Dev(Up):
    """One run of `atropos dev`."""

    subcommand = "dev"

    def result(self, parameters: dict[str, Any]) -> Any:
        """What comes of a task of the type `shout`; None while there is nothing."""
        with self.client() as client:
            answer = client.post("/tasks", json={"task_type": "shout", "parameters": parameters})
            if answer.status_code != 202:
                return answer.status_code
            task = f"/tasks/{answer.json()['task_id']}"
            ended = ("completed", "failed")
            wait_until(lambda: client.get(task).json()["status"] in ended, what="the task to end")
            return client.get(task).json()["result"]

    def healthy(self) -> bool:
        """Whether it takes and runs tasks."""
        try:
            with self.client() as client:
                return bool(client.get("/health").json()["status"] == "ok")
        except httpx.TransportError:
            return False

    def pids(self) -> list[int | None]:
        return [self.child(b"-m atropos_api"), self.child(b"-m atropos_worker")]


@pytest.fixture
def dev(package: Path, tmp_path: Path) -> Iterator[Dev]:
    """A run that finds the package, which is installed so that it can be changed."""
    installed = tmp_path / "installed"
    subprocess.run([UV, "pip", "install", *OFFLINE, "--target", installed, package], check=True, timeout=120)
    # The entry point of what is installed, and the code in the folder: as an editable install, without changing ours.
    subprocess.run(["rm", "-r", installed / "shout"], check=True)
    (package / "shout" / "later.py").write_text('SAYS = "first"\n')
    paths = filter(None, [str(installed), str(package), os.environ.get("PYTHONPATH")])
    run = Dev(tmp_path, PYTHONPATH=os.pathsep.join(paths))
    yield run
    if run.process and run.process.poll() is None:
        run.stop()


def test_a_change_is_what_runs_next(dev: Dev, package: Path) -> None:
    """A change of the type starts API and workers anew; one of what only the handler imports, the workers alone."""
    dev.start()
    assert dev.result({"text": "a", "times": 2}) == {"text": "a a"}
    api, worker = dev.pids()

    source = package / "shout" / "task.py"
    changed = source.read_text().replace("times: int = Field(3,", "times: int = Field(1,")
    source.write_text(changed.replace('" ".join(words)', 'later() + " ".join(words)') + LATER)
    wait_until(lambda: None not in (now := dev.pids()) and not {api, worker} & set(now), what=dev.text)
    wait_until(lambda: dev.healthy(), what=dev.text)
    assert dev.result({"text": "a"}) == {"text": "firsta"}
    api, worker = dev.pids()

    (package / "shout" / "later.py").write_text('SAYS = "second"\n')
    wait_until(lambda: dev.pids()[1] not in {worker, None}, what=dev.text)
    wait_until(lambda: dev.result({"text": "a"}) == {"text": "seconda"}, what=dev.text)
    assert dev.pids()[0] == api
    assert dev.stop() == 0


LATER = '''

def later() -> str:
    """Imported by workers alone."""
    from shout.later import SAYS

    return SAYS
'''
