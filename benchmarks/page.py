"""How quick the page is, in Debian's Chromium on a real service: `make bench-page`. It prints, and judges nothing."""

import gzip
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.stack import Stack

from atropos_cli.up_checks import built_page

ROUNDS = 5
ROWS = 1000
FIRST_ROW = """new MutationObserver(() => {
  if (!window.shown && document.querySelector("tr[data-task]")) window.shown = performance.now();
}).observe(document, { childList: true, subtree: true })"""
#: Keeps the milliseconds from an event on the wire to the frame with the change in it.
DELAYS = """() => {
  window.delays = [];
  let arrived = null;
  const source = new EventSource("/api/events");
  source.onmessage = (message) => {
    if (JSON.parse(message.data).type === "progressed") arrived ??= performance.now();
  };
  const bar = document.querySelector("main [role=progressbar]");
  new MutationObserver(() => requestAnimationFrame(() => {
    if (arrived !== null) window.delays.push(performance.now() - arrived);
    arrived = null;
  })).observe(bar, { attributeFilter: ["aria-valuenow"] });
}"""
#: Scrolls to the end; resolves with the longest task of the main thread, in milliseconds (0: none over 50).
SCROLL = """async () => {
  const long = [];
  const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ type: "longtask" });
  window.scrollTo(0, 0);
  while (window.scrollY + window.innerHeight < document.documentElement.scrollHeight - 1) {
    window.scrollBy(0, 1000);
    await new Promise(requestAnimationFrame);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  observer.disconnect();
  return Math.max(0, ...long);
}"""


def _tab(browser: Browser) -> Page:
    """A tab of somebody who has never been here."""
    return browser.new_context(viewport={"width": 1400, "height": 900}).new_page()


def first_view(browser: Browser, service: Stack) -> float:
    """Milliseconds until the first row is there, with nothing in the cache; the median."""
    shown = []
    for _ in range(ROUNDS):
        tab = _tab(browser)
        tab.add_init_script(FIRST_ROW)
        tab.goto(service.api_url)
        expect(tab.locator("tr[data-task]").first).to_be_visible()
        shown.append(tab.evaluate("window.shown"))
    return statistics.median(shown)


def scripts(browser: Browser, service: Stack, page_directory: Path) -> int:
    """Compressed bytes of JavaScript that the first view loads."""
    tab = _tab(browser)
    tab.goto(service.api_url)
    loaded = tab.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    names = {urlsplit(name).path for name in loaded if urlsplit(name).path.endswith(".js")}
    return sum(len(gzip.compress((page_directory / name[1:]).read_bytes(), 6)) for name in names)


def event_on_screen(browser: Browser, service: Stack) -> float:
    """Milliseconds from an event's arrival in the browser to the frame that shows it; the median."""
    task_id = service.submit(parameters={"processing_time": 10})
    tab = _tab(browser)
    tab.goto(f"{service.api_url}/task/?id={task_id}")
    expect(tab.get_by_role("progressbar", name="Progress", exact=True)).to_be_visible()
    tab.evaluate(DELAYS)
    service.wait_for(task_id, "completed")
    return statistics.median(tab.evaluate("window.delays"))


def longest_task(browser: Browser, service: Stack) -> float:
    """Milliseconds of the longest task of the main thread while a thousand rows are scrolled; the median."""
    body = {"tasks": [{"task_type": "default", "delay_seconds": 86_400}] * ROWS}
    assert service.http.post("/tasks/batch", json=body).status_code == 202
    tab = _tab(browser)
    tab.goto(f"{service.api_url}/?limit={ROWS}")
    expect(tab.locator("tr[data-task]").first).to_be_visible()
    return statistics.median(tab.evaluate(SCROLL) for _ in range(ROUNDS))


def main() -> int:
    """Print the table; 1 where the page or a browser is missing."""
    page_directory, program = built_page(), os.environ.get("CHROMIUM") or shutil.which("chromium")
    if page_directory is None or program is None:
        print("this needs the page (`make page`) and Chromium (apt install chromium)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        service = Stack(Path(directory), page_directory=str(page_directory), worker_concurrency="2")
        browser = playwright.chromium.launch(executable_path=program)
        try:
            service.start_servers().start_all()
            service.wait_for(service.submit(), "completed")
            print("| what | goal | ours |\n|---|---|---|")
            print(f"| first view, nothing cached | 1,000 ms | {first_view(browser, service):.0f} ms |")
            print(
                f"| JavaScript of it, compressed | 250 kB | {scripts(browser, service, page_directory) / 1000:.0f} kB |"
            )
            print(f"| an event on the screen after its arrival | 200 ms | {event_on_screen(browser, service):.0f} ms |")
            print(f"| longest task, scrolling 1,000 rows | 50 ms | {longest_task(browser, service):.0f} ms |")
        finally:
            browser.close()
            service.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
