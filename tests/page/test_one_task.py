"""One task in the browser: what it does is seen as it happens, and it can be stopped and run again."""

from playwright.sync_api import Page, expect

from tests.stack import Stack


def _open(tab: Page, service: Stack, task_id: str) -> None:
    tab.goto(f"{service.api_url}/task/?id={task_id}")
    expect(tab.get_by_text(task_id).first).to_be_visible()


def _state(tab: Page, state: str) -> None:
    """Beside the heading."""
    heading = tab.get_by_role("main").get_by_role("heading", level=1).locator("..")
    expect(heading.get_by_text(state, exact=True)).to_be_visible()


def test_progress_arrives_live(tab: Page, service: Stack) -> None:
    """The bar of a running task moves by itself, and ends at 100."""
    _open(tab, service, service.submit(parameters={"processing_time": 4}))
    expect(tab.get_by_role("status")).to_have_text("Live")
    bar = tab.get_by_role("progressbar", name="Progress", exact=True)
    bar.evaluate(
        "bar => { window.seen = []; new MutationObserver(() => window.seen.push(Number(bar.ariaValueNow)))"
        ".observe(bar, {attributeFilter: ['aria-valuenow']}) }"
    )
    expect(bar).to_have_attribute("aria-valuenow", "100")
    _state(tab, "completed")
    seen = tab.evaluate("window.seen")
    assert len(seen) >= 4
    assert seen == sorted(seen)


def test_a_failure_shows_its_traceback(tab: Page, service: Stack) -> None:
    """Why it failed comes first, with the lines of the code that raised it."""
    task_id = service.submit("behave", parameters={"behaviour": "fails"}, max_retries=0)
    service.wait_for(task_id, "failed")
    _open(tab, service, task_id)
    why = tab.get_by_role("region", name="Why it failed")
    expect(why).to_contain_text("RuntimeError: as it was asked to")
    expect(why.get_by_role("region", name="Traceback of attempt 1")).to_contain_text("atropos_test_types.py")


def test_a_failed_task_runs_again(tab: Page, service: Stack) -> None:
    """Retry is there for what failed; the timeline keeps the attempts of before."""
    task_id = service.submit("behave", parameters={"behaviour": "fails"}, max_retries=0)
    service.wait_for(task_id, "failed")
    _open(tab, service, task_id)
    tab.get_by_role("button", name="Retry", exact=True).click()
    expect(tab.get_by_role("listitem").filter(has_text="Attempt 1 failed")).to_have_count(2)
    assert service.events(task_id).count("retried") == 1


def test_a_running_task_is_cancelled(tab: Page, service: Stack) -> None:
    """Once it has stopped it says so, and offers to run again."""
    task_id = service.submit(parameters={"processing_time": 60})
    service.wait_for(task_id, "processing")
    _open(tab, service, task_id)
    _state(tab, "processing")
    tab.get_by_role("button", name="Cancel", exact=True).click()
    _state(tab, "cancelled")
    expect(tab.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    assert service.task(task_id)["status"] == "cancelled"


def test_what_a_handler_logs_is_shown(tab: Page, service: Stack) -> None:
    """Line by line, in order."""
    task_id = service.submit("behave", parameters={"behaviour": "fails", "lines": 3}, max_retries=0)
    _open(tab, service, task_id)
    log = tab.get_by_role("log", name="Log lines")
    expect(log).to_contain_text("line 3")
    assert log.inner_text().index("line 1") < log.inner_text().index("line 2")


def test_a_task_that_is_not_there_is_told_so(tab: Page, service: Stack) -> None:
    """With a way back."""
    tab.goto(f"{service.api_url}/task/?id=01a20d1d-69bb-7e3a-b413-5f68bc8e1517")
    expect(tab.get_by_role("main")).to_contain_text("no such task", ignore_case=True)
    tab.get_by_role("link", name="See all tasks").click()
    expect(tab.get_by_role("table", name="Tasks")).to_be_visible()
