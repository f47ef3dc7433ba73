"""axe finds nothing to object to, on any page, in either theme."""

from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from atropos_cli.up_checks import CHECKOUT
from tests.stack import Stack

AXE = CHECKOUT / "frontend/node_modules/axe-core/axe.min.js"
Theme = Literal["light", "dark"]
WIDTHS = (1400, 390)


@pytest.fixture(scope="module")
def tasks(service: Stack) -> dict[str, str]:
    """A task in each state that lasts, and one with a file."""
    table = service.http.post("/files?name=table", content=b"order,amount\n1,9.50\n").json()["file_id"]
    found = {
        "copied": service.submit("copy", parameters={"source": {"file_id": table}, "name": "table.csv"}),
        "completed": service.submit(parameters={"processing_time": 0}, labels={"team": "blue"}),
        "failed": service.submit("behave", parameters={"behaviour": "fails", "lines": 5}, max_retries=0),
        "pending": service.submit(delay_seconds=3600),
        "cancelled": service.submit(delay_seconds=3600),
    }
    service.http.post(f"/tasks/{found['cancelled']}/cancel")
    for state, task_id in found.items():
        service.wait_for(task_id, "completed" if state == "copied" else state)
    return found


def _violations(tab: Page) -> list[dict[str, Any]]:
    """What axe objects to, by rule, with the elements."""
    tab.evaluate(AXE.read_text())
    found = tab.evaluate("axe.run()")
    return [{each["id"]: [node["html"][:200] for node in each["nodes"]]} for each in found["violations"]]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in frontend/node_modules: `make page`")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/", "Tasks"),
        ("/?label=no%3Dsuch", "Tasks"),
        ("/task/?id={completed}", "default"),
        ("/task/?id={failed}", "behave"),
        ("/task/?id={pending}", "default"),
        ("/task/?id={cancelled}", "default"),
        ("/task/", None),
        ("/task/?id={copied}", "copy"),
        ("/new/?type=data_processing", "New task"),
        ("/new/?type=copy&task={copied}&artifact=table.csv", "New task"),
        ("/overview/", "Overview"),
        ("/nothing", None),
    ],
)
def test_nothing_is_in_anybodys_way(
    browser: Browser, service: Stack, tasks: dict[str, str], path: str, heading: str | None, theme: Theme, width: int
) -> None:
    """Contrast, names, roles and order, on a desk and on a telephone."""
    size = ViewportSize(width=width, height=900)
    with browser.new_context(color_scheme=theme, viewport=size, reduced_motion="reduce") as context:
        tab = context.new_page()
        tab.goto(service.api_url + path.format(**tasks))
        expect(tab.get_by_role("heading", level=1).first).to_be_visible()
        if heading:
            expect(tab.get_by_role("heading", level=1, name=heading)).to_be_visible()
        assert _violations(tab) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in frontend/node_modules: `make page`")
@pytest.mark.parametrize("theme", get_args(Theme))
def test_nothing_is_in_the_way_of_a_file(
    browser: Browser, service: Stack, tasks: dict[str, str], theme: Theme, tmp_path: Path
) -> None:
    """Uploaded, refused, broken off, named and looked at."""
    (tmp_path / "table.csv").write_text("order,amount\n")
    with browser.new_context(color_scheme=theme, reduced_motion="reduce") as context:
        tab = context.new_page()
        tab.goto(f"{service.api_url}/new/?type=copy")
        tab.get_by_role("button", name="Submit task").click()
        source = tab.get_by_role("group", name="Source")
        expect(source.get_by_role("alert")).to_be_visible()
        assert _violations(tab) == []
        source.get_by_label("Choose a file").set_input_files(tmp_path / "table.csv")
        expect(source).to_contain_text("13 bytes")
        assert _violations(tab) == []
        tab.route("**/api/files?*", lambda route: route.abort())
        source.get_by_label("Choose a file").set_input_files(tmp_path / "table.csv")
        expect(source).to_contain_text("The upload broke off")
        assert _violations(tab) == []
        for kind in ("Address", "File of a task"):
            source.get_by_label(kind, exact=True).check()
            assert _violations(tab) == []
        tab.goto(f"{service.api_url}/task/?id={tasks['copied']}")
        tab.get_by_role("button", name="Preview table.csv").click()
        expect(tab.get_by_role("region", name="table.csv")).to_contain_text("9.50")
        assert _violations(tab) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in frontend/node_modules: `make page`")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", get_args(Theme))
def test_nothing_is_in_the_way_of_a_chart(
    browser: Browser, service: Stack, tasks: dict[str, str], theme: Theme, width: int
) -> None:
    """Added, with a field that is wrong, beside others that are wrong."""
    size = ViewportSize(width=width, height=900)
    with browser.new_context(color_scheme=theme, viewport=size, reduced_motion="reduce") as context:
        tab = context.new_page()
        tab.goto(f"{service.api_url}/new/?type=report_generation&task={tasks['copied']}&artifact=table.csv")
        tab.get_by_role("button", name="Add chart").click()
        tab.get_by_label("pdf").uncheck()
        tab.get_by_label("Totals").fill("[")
        tab.get_by_role("button", name="Submit task").click()
        expect(tab.get_by_role("alert").filter(has_text="This is required.")).to_be_visible()
        assert _violations(tab) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in frontend/node_modules: `make page`")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", get_args(Theme))
def test_nothing_is_in_the_way_of_a_chain(
    browser: Browser, service: Stack, tasks: dict[str, str], theme: Theme, width: int
) -> None:
    """While a task waits for others, and when it was cancelled because of one."""
    waiting = service.submit(depends_on=[tasks["pending"]])
    ended = service.submit(depends_on=[tasks["failed"], tasks["pending"], tasks["completed"]])
    size = ViewportSize(width=width, height=900)
    with browser.new_context(color_scheme=theme, viewport=size, reduced_motion="reduce") as context:
        tab = context.new_page()
        for task_id, why in ((waiting, "Why it waits"), (ended, "Why it did not run")):
            tab.goto(f"{service.api_url}/task/?id={task_id}")
            expect(tab.get_by_role("region", name="Chain").get_by_role("link").first).to_be_visible()
            expect(tab.get_by_role("region", name=why).get_by_role("link").first).to_be_visible()
            assert _violations(tab) == []
