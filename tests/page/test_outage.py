"""The API goes away and comes back while somebody looks."""

import signal

from playwright.sync_api import Page, expect

from tests.stack import Stack


def test_the_page_outlives_the_api(tab: Page, own_service: Stack) -> None:
    """It says that it cannot ask, keeps what it has, and goes on by itself: nothing that happened is missed."""
    own_service.start_all()
    task_id = own_service.submit(parameters={"processing_time": 3})
    tab.goto(own_service.api_url)
    row = tab.get_by_role("row").filter(has_text=task_id)
    expect(row).to_contain_text("processing")
    own_service.kill("api", signal.SIGKILL)
    mark = tab.get_by_role("status")
    expect(mark).not_to_have_text("Live")
    expect(tab.get_by_text("What you see may be old.")).to_be_visible()
    expect(row).to_be_visible()
    # Without the API the worker goes on, and ends the task.
    own_service.start("api")
    own_service.wait_for_api()
    expect(mark).to_have_text("Live")
    expect(row).to_contain_text("completed")
    expect(tab.get_by_text("What you see may be old.")).to_be_hidden()
