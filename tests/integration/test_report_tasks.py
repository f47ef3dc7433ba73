"""Reports through the whole service: from a CSV to a PDF by two tasks; and what becomes of one that is cut off."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import is_running
from tests.stack import Stack, wait_until
from tests.stored_files import keeping_files

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes below /proc")

SALES = "day,shop,amount\n" + "".join(
    f"2026-01-{day:02},{shop},{day * 10}\n" for day in range(1, 29) for shop in ("north", "south")
)
#: Takes Typst some seconds.
SLOW = """
#let report = json("report.json")
#if report.title == "slow" {
  let number = 0
  for _ in range(2000) { for each in range(2500) { number = number + each } }
}
#report.title
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with a store for files, and a template that takes some seconds to be set."""
    folder = tmp_path_factory.mktemp("report")
    slow = folder / "templates" / "slow"
    slow.mkdir(parents=True)
    (slow / "report.typ").write_text(SLOW)
    (slow / "report.html").write_text("<h1>{{ report.title }}</h1>")
    with keeping_files(
        folder, lease_seconds="2", scratch_directory=str(folder), report_templates=str(folder / "templates")
    ) as own:
        yield own.start_all()


@pytest.fixture(scope="module")
def source(service: Stack) -> dict[str, str]:
    """A CSV that was uploaded."""
    return {"file_id": service.upload(SALES.encode(), name="sales.csv")["file_id"]}


def submit_slow(service: Stack, source: dict[str, str], **request: Any) -> str:
    parameters = {"source": source, "title": "slow", "template": "slow", "formats": ["pdf", "html"]}
    return service.submit("report_generation", parameters=parameters, **request)


def typesetting(service: Stack) -> int:
    """The process that sets a report of this service, once it is there."""

    def find() -> int | None:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_text()
            except OSError:
                continue
            if "typeset.py" in command and str(service.directory) in command and "launch.py" not in command:
                return int(path.name)
        return None

    return wait_until(find, what="Typst to begin")


def assert_gone(pid: int) -> None:
    wait_until(lambda: not is_running(pid), seconds=5, what="the end of Typst")


def test_a_csv_becomes_a_pdf_by_two_tasks(service: Stack, source: dict[str, str]) -> None:
    """CSV to Parquet with its profile, and what that task made to PDF and HTML."""
    data = service.submit("data_processing", parameters={"source": source, "filter": "amount > 10"})
    profile = service.wait_for(data, "completed", "failed", seconds=60)["result"]["profile"]
    assert [(column["name"], column["type"]) for column in profile] == [
        ("day", "DATE"),
        ("shop", "VARCHAR"),
        ("amount", "BIGINT"),
    ]
    parameters = {
        "source": {"task_id": data, "artifact": "data.parquet"},
        "title": "Sales",
        "totals": ["amount"],
        "charts": [{"kind": "line", "x": "day", "y": "amount"}, {"x": "shop"}],
        "formats": ["pdf", "html"],
    }
    task_id = service.submit("report_generation", parameters=parameters)
    task = service.wait_for(task_id, "completed", "failed", seconds=60)
    assert task["status"] == "completed", task["error"]
    made = {file["name"]: file for file in task["artifacts"]}
    assert {name: file["media_type"] for name, file in made.items()} == {
        "report.pdf": "application/pdf",
        "report.html": "text/html",
    }
    result = task["result"]
    assert (result["rows"], result["charts"], result["pages"]) == (54, 2, 2)
    assert result["totals"] == [{"name": "amount", "value": "8,100"}]
    contents = {name: service.http.get(f"/files/{file['file_id']}").content for name, file in made.items()}
    assert contents["report.pdf"].startswith(b"%PDF-")
    assert "8,100" in contents["report.html"].decode()


def test_an_unknown_column_fails_for_good(service: Stack, source: dict[str, str]) -> None:
    """With the names of those that are there, and without a second attempt."""
    task_id = service.submit("report_generation", parameters={"source": source, "totals": ["price"]})
    task = service.wait_for(task_id, "failed", "completed")
    assert (task["attempt"], task["error"]["reason"]) == (1, "permanent")
    assert task["error"]["message"] == "there is no column 'price': the table has 'day', 'shop', 'amount'"
    assert task["artifacts"] == []


def test_a_cancel_ends_typst(service: Stack, source: dict[str, str]) -> None:
    """At once, and scratch is gone too."""
    task_id = submit_slow(service, source)
    pid = typesetting(service)
    assert service.http.post(f"/tasks/{task_id}/cancel").status_code < 300
    service.wait_for(task_id, "cancelled", seconds=5)
    assert_gone(pid)
    assert service.task(task_id)["artifacts"] == []
    assert not list(service.directory.glob("*/report/report.json"))


@pytest.mark.parametrize("whole", [False, True])
def test_a_kill_leaves_no_artifact(service: Stack, source: dict[str, str], whole: bool) -> None:
    """Of two files one is stored when the child or the worker is killed: nobody sees it, and the retry makes both."""
    task_id = submit_slow(service, source)
    pid = typesetting(service)
    assert service.sql("SELECT 1 FROM files WHERE task_id = %s", task_id)
    if whole:
        service.kill("worker", signal.SIGKILL)
    else:
        os.kill(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    assert_gone(pid)
    assert service.task(task_id)["artifacts"] == []
    if whole:
        service.start("worker")
    task = service.wait_for(task_id, "completed", "failed", seconds=120)
    assert (task["status"], task["attempt"]) == ("completed", 2)
    assert sorted(file["name"] for file in task["artifacts"]) == ["report.html", "report.pdf"]


def test_a_killed_typst_is_tried_again(service: Stack, source: dict[str, str]) -> None:
    """Whoever killed it, it is not the report's fault."""
    task_id = submit_slow(service, source)
    os.kill(typesetting(service), signal.SIGKILL)
    task = service.wait_for(task_id, "completed", "failed", seconds=120)
    assert (task["status"], task["attempt"]) == ("completed", 2)
