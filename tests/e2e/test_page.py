"""The page in the cluster, reached as through `skaffold dev`: nginx, and the API behind it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from atropos_cli.embedded.ports import free_port
from tests.browser import browser, tab
from tests.e2e import cluster
from tests.e2e.cluster import Api
from tests.stack import wait_until

__all__ = ["browser", "tab"]


@pytest.fixture(scope="module")
def page(release: str) -> Iterator[httpx.Client]:
    """The page's Service, forwarded."""
    port = free_port()
    service = f"service/{cluster.RELEASE}-frontend"
    command = ["kubectl", "--context", cluster.CONTEXT, "--namespace", cluster.NAMESPACE, "port-forward", service]
    forward = subprocess.Popen([*command, f"{port}:80"], stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until(lambda: _answers(client), what="the page")
            yield client
    finally:
        forward.terminate()
        forward.wait(timeout=10)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_the_page_is_served(page: httpx.Client) -> None:
    """HTML with its policy, and scripts that may be kept."""
    answer = page.get("/")
    assert (
        answer.status_code,
        answer.headers["content-type"].partition(";")[0],
        answer.headers["cache-control"],
    ) == (200, "text/html", "no-cache")
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_task_is_followed_through_the_proxy(page: httpx.Client) -> None:
    """Submitted and followed below `/api`; each event arrives when it happens, not when a buffer is full."""
    answer = page.post("/api/tasks", json={"task_type": "default", "parameters": {"processing_time": 2}})
    assert answer.status_code == 202
    with page.stream("GET", f"{answer.headers['location']}/events", timeout=120) as events:
        types = [line for line in events.iter_lines() if line.startswith("data:")]
    assert '"submitted"' in types[0]
    assert '"completed"' in types[-1]


def test_scaling_is_seen_on_the_page(page: httpx.Client, tab: Page, idle: Api) -> None:
    """While a burst runs, the overview follows the pool from no pod to five and back, and the workers that serve."""
    tab.goto(f"{page.base_url}/overview/")
    pool = tab.get_by_role("article", name="Pool default")
    ready = pool.get_by_role("img", name=re.compile("^Ready pods: "))
    expect(ready).to_have_attribute("aria-label", re.compile("^Ready pods: 0;"))
    batch = {"tasks": [{"task_type": "default", "parameters": {"processing_time": 3}}] * 100}
    assert page.post("/api/tasks/batch", json=batch).status_code == 202
    expect(ready).to_have_attribute("aria-label", re.compile("^Ready pods: 5;"), timeout=120_000)
    expect(pool).to_contain_text("active")
    expect(tab.get_by_text("1 of 1 busy")).to_have_count(5, timeout=60_000)
    if pictures := os.environ.get("ATROPOS_TEST_PICTURES"):
        tab.screenshot(path=Path(pictures) / "overview-scaling-light.png", full_page=True)
    expect(ready).to_have_attribute("aria-label", re.compile("^Ready pods: 0; at most 5 "), timeout=240_000)
