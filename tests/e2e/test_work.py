"""Real work in the cluster: a file goes in, a pool with an image of its own works on it, and a report comes out."""

import json

import httpx
import pytest

from tests.e2e import cluster
from tests.e2e.cluster import Api

SALES = "region,sold\n" + "".join(f"{'north' if row % 2 else 'south'},{row}\n" for row in range(1, 1001))
POOL = {"taskTypes": ["data_processing", "report_generation"], "image": {"repository": "atropos-worker-work"}}


def _add_pool() -> None:
    """Give the types that work on tables a pool `work`, and a queue of its own."""
    cluster.upgrade("--set-json", f"workers.work={json.dumps(POOL)}")


@pytest.fixture
def work_pool(api: Api) -> Api:
    """The API, once there is that pool."""
    _add_pool()
    return api


def _submit(api: Api, **task: object) -> str:
    task_id: str = api.http.post("/tasks", json=task).raise_for_status().json()["task_id"]
    return task_id


def _upload(api: Api) -> dict[str, str]:
    """The source of a table."""
    answer = api.http.post("/files?name=sales.csv", content=SALES.encode(), headers={"Content-Type": "text/csv"})
    return {"file_id": answer.raise_for_status().json()["file_id"]}


def _artifact(api: Api, task: dict[str, object], name: str) -> httpx.Response:
    artifacts = task["artifacts"]
    assert isinstance(artifacts, list)
    file_id = next(artifact["file_id"] for artifact in artifacts if artifact["name"] == name)
    return api.http.get(f"/files/{file_id}").raise_for_status()


def test_a_task_that_no_worker_can_do_goes_on_in_a_pool_that_can(api: Api) -> None:
    """Workers without DuckDB give it back and say so; when its type gets a pool, the old queue's workers move it."""
    task_id = _submit(api, task_type="data_processing", parameters={"source": _upload(api)})
    task = api.wait_until_given_back(task_id, 1)
    assert (task["queue"], task["attempt"], task["error"]) == ("default", 0, None)
    assert "install atropos-worker[data]" in task["progress_message"]
    _add_pool()
    [task] = api.wait_for_all([task_id], seconds=240)
    assert (task["status"], task["queue"], task["attempt"]) == ("completed", "work", 1), task
    assert "worker-work" in task["worker"]


def test_a_table_becomes_a_report(work_pool: Api) -> None:
    """CSV to Parquet to PDF, as a chain, in pods that share the volume with the API, from a pool that was at zero."""
    api = work_pool
    parameters = {"source": _upload(api), "group_by": ["region"], "aggregates": {"total": "sum(sold)"}}
    table = _submit(api, task_type="data_processing", parameters=parameters)
    parameters = {
        "source": {"task_id": table, "artifact": "data.parquet"},
        "title": "Sales",
        "totals": ["total"],
        "charts": [{"kind": "bar", "x": "region", "y": "total"}],
    }
    report = _submit(api, task_type="report_generation", parameters=parameters, depends_on=[table])
    tasks = {task["task_id"]: task for task in api.wait_for_all([table, report], seconds=180)}
    assert {task["status"] for task in tasks.values()} == {"completed"}, tasks
    assert {task["queue"] for task in tasks.values()} == {"work"}
    assert all("worker-work" in str(task["worker"]) for task in tasks.values())
    assert _artifact(api, tasks[table], "data.parquet").content[:4] == b"PAR1"
    assert _artifact(api, tasks[report], "report.pdf").content[:5] == b"%PDF-"
