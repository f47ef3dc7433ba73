"""The overview: what the service does now, and over the last minutes."""

import json
import re

import httpx
from playwright.sync_api import Page, expect

from tests.stack import Stack


def test_percentiles_of_waiting_and_running_are_drawn(tab: Page, service: Stack) -> None:
    """Of what ended while somebody looks: five tasks of a second and a half."""
    tab.goto(f"{service.api_url}/overview/")
    expect(tab.get_by_role("img", name=re.compile("^Waiting: "))).to_be_visible()
    for _ in range(5):
        service.submit(parameters={"processing_time": 1.5})
    for name in ("Waiting time, p50", "Waiting time, p95"):
        expect(tab.get_by_role("img", name=re.compile(rf"^{name}: [\d.]+ m?s;"))).to_be_visible()
    for name in ("Running time, p50", "Running time, p95"):
        expect(tab.get_by_role("img", name=re.compile(rf"^{name}: [12]\.\d s;"))).to_be_visible()
    line = tab.get_by_role("img", name=re.compile("^Running time, p50")).locator("path[fill=none]")
    expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+,[\d.]+L"))


def test_an_answer_that_comes_at_once_is_taken_over(tab: Page, service: Stack) -> None:
    """What was built into the page is taken over before the first answer is shown, however early that is."""
    answer = httpx.get(f"{service.api_url}/stats").text
    tab.add_init_script(
        f"""const ask = window.fetch;
        window.fetch = (request, options) => (request.url ?? request).includes("/api/stats")
          ? Promise.resolve(new Response({json.dumps(answer)}, {{headers: {{"Content-Type": "application/json"}}}}))
          : ask(request, options);"""
    )
    tab.goto(f"{service.api_url}/overview/")
    expect(tab.get_by_role("heading", name="Queues")).to_be_visible()
