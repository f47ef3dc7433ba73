"""Tables through the whole service: upload, work, download; and what becomes of a task that is cut off."""

import os
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.stack import Stack, wait_until

SALES = "shop,amount\n" + "".join(f"{shop},{number}\n" for number in range(1000) for shop in ("north", "south"))
#: Some seconds, and minutes.
SECONDS = "SELECT count(*) AS n FROM range(400000000) t(i) WHERE hash(i) % 7 = 3"
MINUTES = "SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE hash(i) % 7 = 3"


@pytest.fixture(scope="module")
def source(service: Stack) -> dict[str, str]:
    """A CSV that was uploaded."""
    return {"file_id": service.upload(SALES.encode(), name="sales.csv")["file_id"]}


def submit(service: Stack, source: dict[str, str], **parameters: Any) -> str:
    return service.submit("data_processing", parameters={"source": source, **parameters})


def running(service: Stack, task_id: str) -> None:
    """Until DuckDB computes."""
    wait_until(lambda: service.task(task_id)["progress_message"] == "writing rows", what="the statement to run")


def test_a_table_is_uploaded_worked_on_and_downloaded(service: Stack, source: dict[str, str], tmp_path: Path) -> None:
    """The artifacts are listed with the task, and are what was asked for; another task goes on from them."""
    parameters = {"group_by": ["shop"], "aggregates": {"total": "sum(amount)"}, "order_by": ["shop"]}
    first = submit(service, source, **parameters)
    task = service.wait_for(first, "completed", "failed", seconds=60)
    assert task["status"] == "completed", task["error"]
    made = {file["name"]: file for file in task["artifacts"]}
    assert {name: file["media_type"] for name, file in made.items()} == {
        "data.parquet": "application/vnd.apache.parquet",
        "profile.json": "application/json",
    }
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(service.http.get(f"/files/{made['data.parquet']['file_id']}").content)
    assert duckdb.read_parquet(str(copy)).fetchall() == [("north", 499500), ("south", 499500)]
    assert (task["result"]["rows"], task["result"]["size_bytes"]) == (2, copy.stat().st_size)
    profile = service.http.get(f"/files/{made['profile.json']['file_id']}").json()
    assert profile == {"rows": 2, "columns": task["result"]["profile"]}
    both = {"made": {"task_id": first, "artifact": "data.parquet"}, "sales": source}
    joined = {"sources": both, "join": {"with": "made", "on": ["shop"]}}
    next_task = service.wait_for(service.submit("data_processing", parameters=joined), "completed", "failed")
    assert next_task["result"]["rows"] == 2000


def test_hostile_sql_fails_for_good(service: Stack, source: dict[str, str]) -> None:
    """Without a second attempt, and the upload is as it was."""
    file = f"{service.directory}/files/{source['file_id']}"
    sql = f"WITH x AS (COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)) SELECT 1"
    task = service.wait_for(submit(service, source, sql=sql), "failed", "completed")
    assert (task["status"], task["attempt"], task["error"]["reason"]) == ("failed", 1, "permanent")
    assert "it holds COPY" in task["error"]["message"]
    assert service.http.get(f"/files/{source['file_id']}").text == SALES


def test_a_broken_file_fails_for_good(service: Stack) -> None:
    """With DuckDB's own words; neither they nor the traceback have paths of the worker."""
    file = service.upload(b'{"a": 1}\n{"a":', name="x.json")
    task = service.wait_for(submit(service, {"file_id": file["file_id"]}), "failed", "completed")
    assert (task["attempt"], task["error"]["reason"]) == (1, "permanent")
    assert task["error"]["message"].startswith("DuckDB: Invalid Input Error: Malformed JSON in file")
    assert str(service.directory) not in str(task["error"])


def test_a_cancel_interrupts_the_statement(service: Stack, source: dict[str, str]) -> None:
    """Within seconds, in its own process, which goes on with the next task."""
    task_id = submit(service, source, sql=MINUTES)
    running(service, task_id)
    assert service.http.post(f"/tasks/{task_id}/cancel").status_code < 300
    service.wait_for(task_id, "cancelled", seconds=5)
    assert "interrupted" not in service.log("worker")
    assert not list(service.directory.glob("*/duckdb"))


def test_a_timeout_interrupts_the_statement(service: Stack, source: dict[str, str]) -> None:
    """As any attempt that runs too long."""
    parameters = {"source": source, "sql": MINUTES}
    task_id = service.submit("data_processing", parameters=parameters, timeout_seconds=1, max_retries=0)
    assert service.wait_for(task_id, "failed", seconds=10)["error"]["reason"] == "timeout"


@pytest.mark.parametrize("whole", [False, True])
def test_a_kill_leaves_no_artifact(service: Stack, source: dict[str, str], whole: bool) -> None:
    """Of the child, or of the whole worker: nobody sees anything of the attempt, and the retry makes all of it."""
    task_id = submit(service, source, sql=SECONDS)
    running(service, task_id)
    if whole:
        service.kill("worker", signal.SIGKILL)
    else:
        os.kill(_child(service), signal.SIGKILL)
    assert service.task(task_id)["artifacts"] == []
    if whole:
        service.start("worker")
    task = service.wait_for(task_id, "completed", "failed", seconds=120)
    assert (task["status"], task["attempt"]) == ("completed", 2)
    assert sorted(file["name"] for file in task["artifacts"]) == ["data.parquet", "profile.json"]


def _child(service: Stack) -> int:
    """The one slot of the worker."""
    worker = service.processes["worker"].pid
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def test_with_a_source_no_name_is_made_up(service: Stack, source: dict[str, str]) -> None:
    """A parameter that is misspelt would be left out without a word."""
    request = {"task_type": "data_processing", "parameters": {"source": source, "filters": "true"}}
    answer = service.http.post("/tasks", json=request)
    assert answer.status_code == 422
    assert "filters" in answer.text
