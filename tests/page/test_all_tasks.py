"""The table of tasks: live, filtered by its address, and changed many at a time."""

import re
from collections.abc import Sequence

import httpx
from playwright.sync_api import Locator, Page, Route, expect

from tests.stack import Stack

LATER = 3600


def _rows(tab: Page) -> Locator:
    return tab.get_by_role("table", name="Tasks").locator("tbody").get_by_role("row")


def _row(tab: Page, task_id: str) -> Locator:
    return _rows(tab).filter(has_text=task_id)


def _submit(service: Stack, label: str, count: int) -> Sequence[str]:
    """Tasks that wait, found by a label of their own."""
    return [service.submit(labels={"test": label}, delay_seconds=LATER) for _ in range(count)]


def test_a_task_moves_through_its_states(tab: Page, service: Stack) -> None:
    """It appears in the open table, moves on, and is completed, without a reload."""
    tab.goto(service.api_url)
    expect(tab.get_by_role("status")).to_have_text("Live")
    row = _row(tab, service.submit(parameters={"processing_time": 3}))
    expect(row).to_contain_text("processing")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d$"))
    expect(row).to_contain_text("completed")


def test_a_task_that_comes_while_the_table_is_fetched_is_not_missed(tab: Page, service: Stack) -> None:
    """The first answer is older than the task, and arrives after its events."""
    submitted: list[str] = []

    def delay(route: Route) -> None:
        answer = route.fetch()
        if not submitted:
            submitted.append(service.submit())
            service.wait_for(submitted[0], "completed")
        route.fulfill(response=answer)

    tab.route("**/api/tasks?*", delay)
    tab.goto(service.api_url)
    expect(tab.get_by_role("status")).to_have_text("Live")
    expect(_rows(tab).first).to_be_visible()
    expect(_row(tab, submitted[0])).to_contain_text("completed")


def test_a_change_before_the_stream_opens_is_not_missed(tab: Page, service: Stack) -> None:
    """The table is older than it, and the stream younger."""
    (task_id,) = _submit(service, "early", 1)
    held: list[Route] = []
    tab.route("**/api/events", lambda route: held.append(route))
    tab.goto(service.api_url)
    expect(_row(tab, task_id)).to_contain_text("pending")
    httpx.post(f"{service.api_url}/tasks/{task_id}/cancel").raise_for_status()
    held[0].continue_()
    expect(_row(tab, task_id)).to_contain_text("cancelled")


def test_filters_survive_a_reload(tab: Page, service: Stack) -> None:
    """They are in the address, which others can open too."""
    waiting = _submit(service, "filters", 2)
    failed = service.submit("behave", parameters={"behaviour": "fails"}, max_retries=0, labels={"test": "filters"})
    service.wait_for(failed, "failed")
    tab.goto(service.api_url)
    tab.get_by_label("Label, as key=value; Enter adds it").fill("test=filters")
    tab.keyboard.press("Enter")
    expect(_rows(tab)).to_have_count(3)
    tab.get_by_role("group", name="States").get_by_role("button", name="pending").click()
    expect(_rows(tab)).to_have_count(2)
    tab.reload()
    expect(_rows(tab)).to_have_count(2)
    assert all(_row(tab, task_id).is_visible() for task_id in waiting)
    expect(tab.get_by_role("button", name="pending")).to_have_attribute("aria-pressed", "true")
    tab.go_back()
    expect(_row(tab, failed)).to_be_visible()


def test_a_task_is_found_by_the_beginning_of_its_id(tab: Page, service: Stack) -> None:
    """As people copy it from a log."""
    task_id = service.submit(delay_seconds=LATER)
    tab.goto(service.api_url)
    tab.get_by_label("Id, or its beginning").fill(task_id[:23])
    expect(_rows(tab)).to_have_count(1)
    expect(_row(tab, task_id)).to_be_visible()


def test_selected_tasks_are_cancelled(tab: Page, service: Stack) -> None:
    """With a look at how many it will be, and only those."""
    chosen, other, left = _submit(service, "selected", 3)
    tab.goto(f"{service.api_url}/?label=test%3Dselected")
    for task_id in (chosen, other):
        _row(tab, task_id).get_by_role("checkbox").check()
    bar = tab.get_by_role("region", name="Selected tasks")
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Cancel").click()
    dialog = tab.get_by_role("dialog", name="Cancel tasks")
    expect(dialog).to_contain_text("2 of 2 selected tasks can be cancelled")
    dialog.get_by_role("button", name="Cancel 2").click()
    expect(dialog).to_contain_text("2 tasks are cancelled")
    dialog.get_by_role("button", name="Close").click()
    expect(_row(tab, chosen)).to_contain_text("cancelled")
    assert [service.task(task_id)["status"] for task_id in (other, left)] == ["cancelled", "pending"]


def test_cancelled_tasks_run_again(tab: Page, service: Stack) -> None:
    """All that match the filters, whatever page they are on."""
    tasks = _submit(service, "again", 3)
    assert service.http.post("/tasks/cancel", json={"filter": {"labels": {"test": "again"}}}).json()["changed"] == 3
    tab.goto(f"{service.api_url}/?label=test%3Dagain&status=cancelled")
    expect(_rows(tab)).to_have_count(3)
    tab.get_by_label("Select the page").check()
    tab.get_by_role("region", name="Selected tasks").get_by_role("button", name="Retry").click()
    tab.get_by_role("dialog").get_by_role("button", name="Retry 3").click()
    for task_id in tasks:
        service.wait_for(task_id, "completed")


def test_keys_are_enough(tab: Page, service: Stack) -> None:
    """Down to the second row, and into it."""
    first, second = _submit(service, "keys", 2)
    tab.goto(f"{service.api_url}/?label=test%3Dkeys")
    expect(_rows(tab)).to_have_count(2)
    for key in ("j", "j", "Enter"):
        tab.keyboard.press(key)
    tab.wait_for_url(f"**/task/?id={first}")
    assert second not in tab.url
