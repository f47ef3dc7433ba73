"""Real services: one that tests share, and one of its own for each test that breaks things."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

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


@pytest.fixture
def empty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers with an empty schema, for tests of the domain alone."""
    own = Stack(tmp_path_factory.mktemp("domain"))
    try:
        yield own.start_servers()
    finally:
        own.stop()


@pytest.fixture
def session(empty_stack: Stack) -> Iterator[Session]:
    """A session in a transaction that is never committed."""
    with empty_stack.database.sessions() as session, session.begin() as transaction:
        yield session
        transaction.rollback()
