"""Real services: one that tests share, and one of its own for each test that breaks things."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A healthy service, shared: leave it as you found it."""
    shared = Stack(tmp_path_factory.mktemp("stack"))
    try:
        yield shared.start_servers().start_all()
    finally:
        shared.stop()


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """Servers with a schema and no processes, for one test that breaks things."""
    own = Stack(tmp_path)
    try:
        yield own.start_servers()
    finally:
        own.stop()
