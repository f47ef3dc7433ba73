"""The built page on a real service, in a real browser. Where one of them is missing, the tests are skipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from atropos_cli.up_checks import built_page
from tests.browser import browser, tab
from tests.stack import Stack
from tests.stored_files import keeping_files

__all__ = ["browser", "tab"]


@pytest.fixture(scope="session")
def page_directory() -> Path:
    """What `make page` has built."""
    return built_page() or pytest.skip("the page is not built: `make page`")


#: Of a file, in bytes.
MAXIMUM = 8_000_000


@pytest.fixture(scope="session")
def service(page_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A healthy service with the page and a store for files, shared: leave it as you found it."""
    settings = {"page_directory": str(page_directory), "worker_concurrency": "2", "max_file_bytes": str(MAXIMUM)}
    with keeping_files(tmp_path_factory.mktemp("page"), **settings) as shared:
        yield shared.start_all()


@pytest.fixture
def own_service(page_directory: Path, tmp_path: Path) -> Iterator[Stack]:
    """The same without processes, for one test that breaks or fills it."""
    own = Stack(tmp_path, page_directory=str(page_directory))
    try:
        yield own.start_servers()
    finally:
        own.stop()
