"""What the page makes a browser load."""

import gzip
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.stack import Stack

SCRIPT_BYTES = 250_000


def test_the_scripts_of_the_first_view_are_small(tab: Page, service: Stack, page_directory: Path) -> None:
    """Compressed, as nginx sends them."""
    with tab.expect_event("load"):
        tab.goto(service.api_url)
    expect(tab.get_by_role("status")).to_have_text("Live")
    loaded = tab.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    scripts = {urlsplit(name).path for name in loaded if urlsplit(name).path.endswith(".js")}
    assert scripts
    assert sum(len(gzip.compress((page_directory / path[1:]).read_bytes(), 6)) for path in scripts) < SCRIPT_BYTES
