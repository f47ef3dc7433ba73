"""Takes the pictures of docs/pictures: `make pictures`. A real service with real tasks, in Debian's Chromium."""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.stack import Stack
from tests.stored_files import keeping_files

from atropos_cli.up_checks import CHECKOUT, built_page

DESK, PHONE = 1280, 390
#: Of anything that is waited for, in milliseconds.
PATIENCE = 60_000
#: So long are tasks submitted before the overview is taken, in seconds: its charts begin when it is opened.
TRAFFIC_SECONDS = 100
#: Tracebacks name files by the path they were imported from: this one says nothing of whose machine it was.
LINK = Path(tempfile.gettempdir()) / "atropos"
SOURCES = ("services/core", "services/api", "services/worker", "frontend/scripts/pictured")


@contextmanager
def _code_in_a_neutral_place() -> Iterator[None]:
    """Processes started meanwhile import this checkout through the link."""
    LINK.symlink_to(CHECKOUT)
    os.environ["PYTHONPATH"] = os.pathsep.join(str(LINK / source) for source in SOURCES)
    try:
        yield
    finally:
        LINK.unlink()


def _fill(service: Stack) -> tuple[str, str]:
    """Tasks in all states: the failed one and the running one."""
    order = {"task_type": "order_import", "labels": {"shop": "north"}}
    broken = {"file": "s3://shop/2026-11-23.csv", "orders": 120, "broken_order": 41}
    failed = service.submit(**order, parameters=broken, max_retries=2)
    service.wait_for(failed, "failed", seconds=120)
    cancelled = service.submit("report_generation", delay_seconds=3600, labels={"team": "green"})
    service.http.post(f"/tasks/{cancelled}/cancel").raise_for_status()
    service.submit("default", delay_seconds=3600, labels={"team": "blue"})
    running = service.submit(**order, parameters={"file": "s3://shop/2026-11-24.csv", "orders": 400}, priority=7)
    service.wait_for(running, "processing", seconds=120)
    for number in range(5):
        service.submit("video_processing", parameters={"processing_time": 60}, priority=number, timeout_seconds=900)
    return failed, running


def _busy_minutes(service: Stack) -> None:
    """Some quick and some slow tasks, now more and now fewer, and a few that fail."""
    chance = random.Random(4)  # noqa: S311 - the same traffic each time
    ends = time.monotonic() + TRAFFIC_SECONDS
    while (left := ends - time.monotonic()) > 0:
        for _ in range(chance.choice((0, 1, 2, 3) if left > TRAFFIC_SECONDS / 2 else (1, 3, 5))):
            task_type = chance.choice(("data_processing", "report_generation", "default"))
            parameters = {"processing_time": round(chance.expovariate(2.5), 2), "fail": int(chance.random() < 0.08)}
            service.submit(task_type, parameters=parameters, labels={"team": chance.choice(("blue", "green"))})
        time.sleep(chance.uniform(0.3, 1.2))


def _shoot(tab: Page, path: Path, *, whole: bool = False) -> None:
    """In both themes."""
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
        tab.screenshot(path=str(path.with_name(f"{path.name}-{theme}.png")), full_page=whole)


def _open(browser: Browser, address: str, *, width: int = DESK) -> Page:
    tab = browser.new_context(viewport={"width": width, "height": 860}, locale="en-GB").new_page()
    tab.goto(address)
    expect(tab.get_by_role("status")).to_have_text("Live")
    return tab


def _take_overview(browser: Browser, service: Stack, directory: Path) -> None:
    tab = _open(browser, f"{service.api_url}/overview/")
    _busy_minutes(service)
    _shoot(tab, directory / "overview", whole=True)


def _take_task(browser: Browser, address: str, log: str, path: Path, *, width: int = DESK) -> None:
    tab = _open(browser, address, width=width)
    expect(tab.get_by_role("log")).to_contain_text(log)
    _shoot(tab, path, whole=True)


def _take_tasks(browser: Browser, service: Stack, directory: Path) -> None:
    failed, running = (f"{service.api_url}/task/?id={task_id}" for task_id in _fill(service))
    _take_task(browser, failed, "#3 chunk stored", directory / "task-failed")
    _take_task(browser, running, "orders=225", directory / "task-running")
    _take_task(browser, running, "orders=225", directory / "task-running-phone", width=PHONE)
    tab = _open(browser, service.api_url)
    expect(tab.locator("tr[data-task]")).to_have_count(50)
    _shoot(tab, directory / "tasks")


def _sales(directory: Path) -> Path:
    """A year of sales in three shops, which grow, and sleep on Sundays."""
    chance = random.Random(5)  # noqa: S311 - the same sales each time
    path = directory / "sales.csv"
    with path.open("w") as file:
        file.write("day,shop,amount,pieces\n")
        for number in range(364):
            day = date(2025, 11, 24) + timedelta(days=number)
            for shop, size in (("Basel", 5), ("Bern", 3), ("Chur", 2)):
                for _ in range(0 if day.weekday() == 6 else chance.randint(size, 2 * size)):
                    amount = chance.uniform(4, 40) * (1 + number / 400)
                    file.write(f"{day},{shop},{amount:.2f},{chance.randint(1, 5)}\n")
    return path


def _type_a_table_task(tab: Page, table: Path) -> None:
    """Into the form: its takings of each day, to be made from an upload."""
    source = tab.get_by_role("group", name="Source")
    source.get_by_text("Upload").click()
    source.get_by_label("Choose a file").set_input_files(table)
    expect(source).to_contain_text("checked")
    tab.get_by_label("Group by").fill("day\nshop")
    tab.get_by_label("Aggregates").fill("takings = sum(amount)\npieces = sum(pieces)")
    tab.get_by_label("Order by").fill("day")


def _take_work(browser: Browser, service: Stack, directory: Path, table: Path) -> None:
    """A table becomes a report: the form, and the report's task with its chain and its files."""
    tab = _open(browser, f"{service.api_url}/new/?type=data_processing")
    _type_a_table_task(tab, table)
    _shoot(tab, directory / "new", whole=True)
    tab.get_by_role("button", name="Submit task").click()
    tab.wait_for_url("**/task/?id=*")
    grouped = tab.url.partition("id=")[2]
    source = {"task_id": grouped, "artifact": "data.parquet"}
    charts = [{"kind": "line", "x": "day", "y": "takings"}, {"x": "shop", "y": "pieces"}]
    report = {"source": source, "title": "A year of three shops", "totals": ["takings", "pieces"], "charts": charts}
    last = service.submit("report_generation", parameters={**report, "formats": ["pdf", "html"]}, depends_on=[grouped])
    made = service.wait_for(last, "completed", seconds=120)["artifacts"]
    html = next(file["file_id"] for file in made if file["name"] == "report.html")
    copy = table.with_name("report.html")
    copy.write_bytes(service.http.get(f"/files/{html}").content)
    tab.set_viewport_size({"width": 860, "height": 860})
    tab.goto(copy.as_uri())
    tab.screenshot(path=str(directory / "report.png"))
    _take_task(browser, f"{service.api_url}/task/?id={last}", "charts=2", directory / "task-report")


def main(directory: Path) -> None:
    """Take each page in both themes."""
    page = built_page()
    if page is None:
        sys.exit("the page is not built: make page")
    with tempfile.TemporaryDirectory() as data, _code_in_a_neutral_place(), sync_playwright() as playwright:
        settings = {"worker_concurrency": "4", "retry_base_seconds": "4", "page_directory": str(page)}
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        try:
            with keeping_files(Path(data), **settings) as service:
                service.start_all()
                _take_work(browser, service, directory, _sales(Path(data)))
                _take_overview(browser, service, directory)
                _take_tasks(browser, service, directory)
        finally:
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
