"""A hundred thousand tasks in the table: it pages and filters as with ten."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack

TASKS = 100_000
BATCH = 10_000


@pytest.fixture(scope="module")
def crowded(page_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with tasks that wait, every hundredth of them with a label."""
    full = Stack(tmp_path_factory.mktemp("crowded"), page_directory=str(page_directory))
    try:
        full.start_servers().start("api")
        full.wait_for_api()
        plain = {"task_type": "default", "delay_seconds": 86_400}
        batch = [plain | ({"labels": {"rare": "yes"}} if number % 100 == 0 else {}) for number in range(BATCH)]
        for _ in range(TASKS // BATCH):
            assert full.http.post("/tasks/batch", json={"tasks": batch}).status_code == 202
        yield full
    finally:
        full.stop()


def _show(tab: Page, service: Stack, query: str, rows: int) -> None:
    tab.goto(f"{service.api_url}/{query}")
    expect(tab.get_by_role("table", name="Tasks").locator("tbody").get_by_role("row")).to_have_count(rows)


def test_pages_are_turned(tab: Page, crowded: Stack) -> None:
    """There and back, with other tasks on each page, and the place in the address."""
    _show(tab, crowded, "", 50)
    first = tab.locator("tr[data-task]").first.get_attribute("data-task")
    assert first is not None
    for _ in range(3):
        before = tab.url
        tab.get_by_role("button", name="Next").click()
        expect(tab).not_to_have_url(before)
        expect(tab.get_by_role("table", name="Tasks")).to_have_attribute("aria-busy", "false")
    expect(tab.get_by_text(first)).to_have_count(0)
    tab.reload()
    expect(tab.locator("tr[data-task]")).to_have_count(50)
    tab.get_by_role("button", name="Newest").click()
    expect(tab.get_by_text(first)).to_be_visible()


def test_few_are_found_among_many(tab: Page, crowded: Stack) -> None:
    """By a label that one in a hundred has."""
    _show(tab, crowded, "?label=rare%3Dyes&status=pending", 50)
    _show(tab, crowded, "?label=rare%3Dyes&status=failed", 0)
    expect(tab.get_by_role("button", name="Clear filters").first).to_be_visible()


def test_all_that_match_are_counted_before_a_change(tab: Page, crowded: Stack) -> None:
    """The preview tells how many one call would change, and that there are more."""
    _show(tab, crowded, "", 50)
    tab.get_by_label("Select the page").check()
    bar = tab.get_by_role("region", name="Selected tasks")
    bar.get_by_role("button", name="Select all that match").click()
    bar.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_role("dialog")).to_contain_text(re.compile(r"10,000 \(and more\) .* can be cancelled"))
    tab.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    assert crowded.http.get("/tasks", params={"status": "cancelled"}).json()["tasks"] == []
