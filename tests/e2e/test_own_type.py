"""A task type of one's own: from `atropos new-task` to a result in the cluster, as docs/write-a-task.md tells it."""

import json
import sys
from pathlib import Path

import pytest

from tests.e2e import cluster
from tests.e2e.cluster import Api
from tests.stack import wait_until

TYPE = "shout"
#: What the package needs beyond Atropos, and shows.
NEEDED = "humanize"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The images of API and worker with the package, in the cluster as `shout-api:e2e` and `shout-worker:e2e`."""
    folder = tmp_path_factory.mktemp("own")
    cluster.run(str(Path(sys.executable).with_name("atropos")), "new-task", TYPE, "--directory", str(folder))
    package = folder / TYPE
    project = package / "pyproject.toml"
    project.write_text(project.read_text().replace('["atropos-sdk"]', f'["atropos-sdk", "{NEEDED}"]'))
    task = package / TYPE / "task.py"
    source = task.read_text().replace("    return ", f"    from {NEEDED} import intcomma\n\n    return ")
    task.write_text(source.replace('" ".join(words)', '" ".join([*words, intcomma(1000 * len(words))])'))
    names = [f"{TYPE}-{component}:e2e" for component in ("api", "worker")]
    for name in names:
        base = f"BASE=atropos-{name.removeprefix(f'{TYPE}-')}"
        cluster.run("docker", "build", "--quiet", "--build-arg", base, "--tag", name, str(package))
    cluster.run("kind", "load", "docker-image", "--name", "atropos", *names)


def _deploy(*components: str, **pool: object) -> None:
    """Give these components the images with the package, and one pool of this kind."""
    options = [
        f"--set={component}.image.repository={TYPE}-{component.removesuffix('Defaults')}" for component in components
    ]
    cluster.upgrade("--set-json", f"workers.default={json.dumps(pool)}", *options)


@pytest.fixture
def known(api: Api, images: None) -> Api:
    """The API, which knows the type; its workers do not yet."""
    _deploy("api")
    return api


def _submit(api: Api) -> str | None:
    """The id; None while a pod of the API answers that does not know the type, as it is on its way out."""
    submission = {"task_type": TYPE, "parameters": {"text": "tick"}, "max_retries": 0}
    answer = api.http.post("/tasks", json=submission)
    return None if answer.status_code == 422 else str(answer.raise_for_status().json()["task_id"])


def test_a_task_waits_for_a_worker_that_has_its_type(known: Api) -> None:
    """Workers of the image before give it back, fail nothing, and say why; with the new image it completes."""
    task_id = wait_until(lambda: _submit(known), seconds=60, what="the API to know the type")
    task = known.wait_until_given_back(task_id, 2)
    assert (task["attempt"], task["error"]) == (0, None)
    assert task["progress_message"].endswith(f"has no task type '{TYPE}'")
    _deploy("api", "workerDefaults")
    [ended] = known.wait_for_all([task_id], seconds=180)
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    assert ended["result"] == {"text": "tick tick tick 3,000"}
