"""axe finds nothing to object to, on any page, in either theme."""

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
    """A task in each state that lasts."""
    found = {
        "completed": service.submit(parameters={"processing_time": 0}, labels={"team": "blue"}),
        "failed": service.submit("behave", parameters={"behaviour": "fails", "lines": 5}, max_retries=0),
        "pending": service.submit(delay_seconds=3600),
        "cancelled": service.submit(delay_seconds=3600),
    }
    service.http.post(f"/tasks/{found['cancelled']}/cancel")
    for state, task_id in found.items():
        service.wait_for(task_id, state)
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
        ("/new/?type=data_processing", "New task"),
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
