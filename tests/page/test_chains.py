"""Tasks that depend on others, in the browser: submitted, followed and understood."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.stack import Stack


def _chain(tab: Page, service: Stack, task_id: str) -> Locator:
    """The graph on the page of a task."""
    tab.goto(f"{service.api_url}/task/?id={task_id}")
    return tab.get_by_role("region", name="Chain")


def _short(task_id: str) -> str:
    return f"…{task_id[-8:]}"


def _node(chain: Locator, task_id: str, state: str) -> Locator:
    """The link to a task that is in this state."""
    return chain.get_by_role("link", name=re.compile(f"{_short(task_id)} {state}"))


def test_a_chain_is_watched_until_its_end(tab: Page, service: Stack) -> None:
    """From the last task: it says what it waits for, and each of the three is seen running and completed."""
    first = service.submit(parameters={"processing_time": 2})
    middle = service.submit(parameters={"processing_time": 2}, depends_on=[first])
    last = service.submit(depends_on=[middle])
    chain = _chain(tab, service, last)
    why = tab.get_by_role("region", name="Why it waits")
    expect(why).to_contain_text("It waits for a task")
    expect(why.get_by_role("link", name=_short(middle))).to_have_attribute("href", f"/task/?id={middle}")
    links = chain.get_by_role("listitem").get_by_role("link")
    expect(links).to_have_count(3)
    assert [link.get_attribute("href") for link in links.all()] == [
        f"/task/?id={each}" for each in (first, middle, last)
    ]
    lefts = links.evaluate_all("links => links.map(link => link.getBoundingClientRect().left)")
    assert lefts == sorted(set(lefts))
    expect(_node(chain, last, "pending")).to_have_accessible_name(re.compile(f"after {_short(middle)}$"))
    expect(_node(chain, last, "pending")).to_have_attribute("aria-current", "page")
    expect(_node(chain, middle, "processing")).to_be_visible()
    for task_id in (first, middle, last):
        expect(_node(chain, task_id, "completed 100 %")).to_be_visible()
    timeline = tab.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("Submitted, to run after other tasks, waited")
    expect(timeline).to_contain_text("The tasks before it have ended, waited")
    _node(chain, first, "completed").press("Enter")
    tab.wait_for_url(f"**/task/?id={first}")


def test_a_failure_cancels_what_waits(tab: Page, service: Stack) -> None:
    """The page of what was cancelled follows it, and says why, with a link to the task that failed."""
    # It fails after half of that: by then a busy machine too shows the page.
    first = service.submit(parameters={"processing_time": 12, "fail": 1}, max_retries=0)
    last = service.submit(depends_on=[first])
    chain = _chain(tab, service, last)
    expect(_node(chain, last, "pending")).to_be_visible()
    why = tab.get_by_role("region", name="Why it did not run")
    expect(why).to_contain_text(f"Task {first}, which it depends on, ended failed.")
    expect(why.get_by_role("link", name=_short(first))).to_have_attribute("href", f"/task/?id={first}")
    expect(tab.get_by_role("region", name="Timeline")).to_contain_text(f"cancelled because of task {_short(first)}")
    expect(_node(chain, first, "failed")).to_be_visible()
    expect(_node(chain, last, "cancelled")).to_be_visible()


def test_a_task_that_fails_with_another_says_so(tab: Page, service: Stack) -> None:
    """No attempt of its own is blamed."""
    first = service.submit("behave", parameters={"behaviour": "fails"}, max_retries=0)
    last = service.submit(depends_on=[first], on_dependency_failure="fail")
    service.wait_for(last, "failed")
    chain = _chain(tab, service, last)
    expect(tab.get_by_role("region", name="Why it did not run")).to_contain_text("ended failed.")
    expect(tab.get_by_role("region", name="Why it failed")).to_have_count(0)
    expect(_node(chain, first, "failed")).to_be_visible()


def test_a_chain_appears_when_a_task_is_submitted(tab: Page, service: Stack) -> None:
    """On the page of a task that stood alone before, the new one is seen without a reload."""
    first = service.submit(delay_seconds=3600)
    with tab.expect_response("**/graph"):
        chain = _chain(tab, service, first)
    expect(tab.get_by_role("status")).to_have_text("Live")
    last = service.submit(depends_on=[first])
    expect(_node(chain, last, "pending")).to_be_visible()
    service.http.post(f"/tasks/{first}/cancel").raise_for_status()


def test_a_long_chain_scrolls_inside_its_box(tab: Page, service: Stack) -> None:
    """On a telephone: the page stays as wide as the screen, and the task that was asked for is in view."""
    tab.set_viewport_size({"width": 390, "height": 800})
    ids = [service.submit(delay_seconds=3600)]
    for _ in range(5):
        ids.append(service.submit(depends_on=ids[-1:]))
    chain = _chain(tab, service, ids[-1])
    expect(_node(chain, ids[-1], "pending")).to_be_in_viewport()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    _node(chain, ids[0], "pending").focus()
    expect(_node(chain, ids[0], "pending")).to_be_in_viewport()
    service.http.post(f"/tasks/{ids[0]}/cancel").raise_for_status()


def test_a_chain_that_is_too_large_says_so(tab: Page, service: Stack) -> None:
    """The API names no more than the nearest tasks; here it is made to say so of two."""
    first = service.submit(delay_seconds=3600)
    last = service.submit(depends_on=[first])
    answer = {**service.http.get(f"/tasks/{last}/graph").json(), "truncated": True}
    tab.route("**/graph", lambda route: route.fulfill(json=answer))
    expect(_chain(tab, service, last)).to_contain_text("these are the nearest 2.")
    tab.unroute_all(behavior="wait")
    service.http.post(f"/tasks/{first}/cancel").raise_for_status()
