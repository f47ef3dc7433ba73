"""Upgrades, failed ones, rollbacks, backups and the end of a release."""

import json
import threading

import httpx
import pytest

from tests.e2e import cluster
from tests.e2e.cluster import API_URL, Api
from tests.stack import wait_until

NEXT = ("--set", "api.image.tag=e2e-next,workerDefaults.image.tag=e2e-next")
BROKEN = ("--set", "api.image.tag=e2e-broken,workerDefaults.image.tag=e2e-broken")
#: Everything that the chart can make.
KINDS = (
    "all,configmap,secret,persistentvolumeclaim,serviceaccount,role,rolebinding,networkpolicy,poddisruptionbudget,"
    "scaledobject,triggerauthentication,cronjob"
)


class Load:
    """Submits tasks one after the other until stopped, over connections that it keeps, or each over one of its own."""

    def __init__(self, *, keeps_connections: bool) -> None:
        self.accepted: list[str] = []
        self.refused: list[str] = []
        headers = {} if keeps_connections else {"Connection": "close"}
        self._http = httpx.Client(base_url=API_URL, timeout=20, headers=headers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._submit, daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._http.close()

    def _submit(self) -> None:
        while not self._stop.wait(0.1):
            try:
                body = {"task_type": "default", "parameters": {"processing_time": 0.5}}
                answer = self._http.post("/tasks", json=body)
            except httpx.HTTPError as error:
                self.refused.append(repr(error))
                continue
            if answer.status_code == 202:
                self.accepted.append(answer.json()["task_id"])
            else:
                self.refused.append(answer.text)


def _wait_for_next() -> None:
    """Until all pods of the API are of the next release, and those before are gone."""

    def images() -> set[str]:
        pods = cluster.get("pods", "-l", "app.kubernetes.io/component=api")["items"]
        return {container["image"] for pod in pods for container in pod["spec"]["containers"]}

    wait_until(lambda: images() == {"atropos-api:e2e-next"}, seconds=90, what="pods of the next release only")


def _wait_for_load(*loads: Load) -> None:
    """Until each has submitted some more tasks."""
    before = {load: len(load.accepted) for load in loads}
    wait_until(lambda: all(len(load.accepted) > count + 20 for load, count in before.items()), what="some load")


def test_an_upgrade_under_load_fails_no_request(api: Api) -> None:
    """A new image for everything while tasks are submitted and run: no request is refused, no task is lost."""
    api.warm_up(2)
    long = api.submit(2, parameters={"processing_time": 20})
    api.wait_until_running(long)
    with Load(keeps_connections=False) as fresh, Load(keeps_connections=True) as kept:
        _wait_for_load(fresh, kept)
        cluster.upgrade(*NEXT)
        _wait_for_next()
        _wait_for_load(fresh, kept)
    tasks = api.wait_for_all(long + fresh.accepted + kept.accepted, seconds=300)
    assert (fresh.refused, kept.refused) == ([], [])
    assert {("completed", 1, 0)} == {(task["status"], task["attempt"], task["interruptions"]) for task in tasks}


def test_a_failing_migration_leaves_the_old_pods_serving(api: Api) -> None:
    """`helm upgrade` fails, the Job's log tells why, and tasks go on being taken and run, from zero workers too."""
    before = set(cluster.ready("api"))
    wait_until(lambda: not cluster.pods("worker"), seconds=180, what="the pool to scale to zero")
    with pytest.raises(cluster.CommandFailed, match="pre-upgrade hooks failed"):
        cluster.upgrade(*BROKEN, seconds=120)
    assert before == set(cluster.ready("api"))
    (task,) = api.wait_for_all(api.submit(), seconds=90)
    assert task["status"] == "completed"
    log = cluster.kubectl("logs", "job/atropos-migrate-upgrade", "--container=migrate")
    assert "atropos.schema.failed" in log
    assert "no_such_table" in log


def test_a_rollback_returns_to_what_worked(api: Api) -> None:
    """After the failed upgrade, `helm rollback --wait` brings the last release back."""
    history = json.loads(cluster.helm("history", "atropos", "--output=json"))
    good = [str(entry["revision"]) for entry in history if entry["status"] != "failed"]
    cluster.helm("rollback", "atropos", good[-1], "--wait", "--timeout=200s")
    _wait_for_next()
    (task,) = api.wait_for_all(api.submit(), seconds=90)
    assert task["status"] == "completed"


def test_a_password_outlives_an_upgrade(api: Api) -> None:
    """An upgrade keeps the generated passwords, which the data was made with."""
    before = cluster.get("secrets", "-l", "app.kubernetes.io/part-of=atropos")["items"]
    cluster.upgrade(*NEXT)
    after = cluster.get("secrets", "-l", "app.kubernetes.io/part-of=atropos")["items"]
    assert {s["metadata"]["name"]: s["data"] for s in before} == {s["metadata"]["name"]: s["data"] for s in after}


def test_a_backup_is_restored(api: Api) -> None:
    """As docs/operations.md tells it: a dump from the CronJob brings back tasks that were deleted since."""
    ids = api.submit(5, parameters={"processing_time": 0})
    api.wait_for_all(ids, seconds=90)
    cluster.kubectl("create", "job", "backup-now", "--from=cronjob/atropos-backup")
    cluster.kubectl("wait", "--for=condition=Complete", "job/backup-now", "--timeout=120s")
    sql = "DELETE FROM tasks"
    psql = ("exec", "atropos-postgresql-0", "--", "psql", "--host=127.0.0.1", "--username=atropos", "atropos")
    password = cluster.kubectl(
        "get", "secret", "atropos-postgresql", "-o", "go-template={{.data.password | base64decode}}"
    )
    cluster.kubectl(*psql[:3], "env", f"PGPASSWORD={password}", *psql[3:], "--command", sql)
    assert api.http.get(f"/tasks/{ids[0]}").status_code == 404
    cluster.run("sh", "-ec", _documented_restore())
    cluster.kubectl("delete", "job", "backup-now", "restore")
    wait_until(api.is_ready, seconds=120, what="a ready API")
    assert {"completed"} == {api.task(task_id)["status"] for task_id in ids}
    (task,) = api.wait_for_all(api.submit(), seconds=90)
    assert task["status"] == "completed"


def _documented_restore() -> str:
    """The commands of the section on restoring, for the namespace and cluster of these tests."""
    text = (cluster.ROOT / "docs/operations.md").read_text()
    section = text[text.index("## Restore a backup") :]
    block = section[section.index("```sh\n") + 6 :]
    commands = block[: block.index("```")]
    return (
        f'kubectl() {{ command kubectl --context {cluster.CONTEXT} --namespace {cluster.NAMESPACE} "$@"; }}\n{commands}'
    )


def test_an_uninstall_leaves_data_and_passwords_only(api: Api) -> None:
    """What stays is what the notes name: volumes of data, files and backups, and the passwords that belong to them."""
    cluster.helm("uninstall", "atropos", "--wait", "--timeout=120s")
    wait_until(lambda: not cluster.get("pods")["items"], seconds=120, what="the pods to be gone")
    left = {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in cluster.get(KINDS, "-l", "app.kubernetes.io/instance=atropos")["items"]
    }
    assert left == {
        "PersistentVolumeClaim/data-atropos-postgresql-0",
        "PersistentVolumeClaim/data-atropos-redis-0",
        "PersistentVolumeClaim/atropos-backup",
        "PersistentVolumeClaim/atropos-files",
        "Secret/atropos-postgresql",
        "Secret/atropos-redis",
    }
