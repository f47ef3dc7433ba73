"""Takes the pictures of docs/pictures: `make pictures`. A real service with real tasks, in Debian's Chromium."""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.stack import Stack

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
    tab = _open(browser, f"{service.api_url}/new/?type=data_processing")
    expect(tab.get_by_label("Rows")).to_have_value("5000")
    _shoot(tab, directory / "new", whole=True)


def main(directory: Path) -> None:
    """Take each page in both themes."""
    page = built_page()
    if page is None:
        sys.exit("the page is not built: make page")
    with tempfile.TemporaryDirectory() as data, _code_in_a_neutral_place(), sync_playwright() as playwright:
        settings = {"worker_concurrency": "4", "retry_base_seconds": "4"}
        service = Stack(Path(data), page_directory=str(page), **settings)
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        try:
            service.start_servers().start_all()
            _take_overview(browser, service, directory)
            _take_tasks(browser, service, directory)
        finally:
            browser.close()
            service.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
