"""Real services: one that tests share, and one of its own for each test that breaks things."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collector import Collector
from tests.domain import Domain
from tests.integration.chain import Chain
from tests.stack import Stack
from tests.stored_files import keeping_files


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A healthy service, shared: leave it as you found it."""
    with keeping_files(tmp_path_factory.mktemp("stack")) as shared:
        yield shared.start_all()


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """Servers with a schema and no processes, for one test that breaks things."""
    own = Stack(tmp_path)
    try:
        yield own.start_servers()
    finally:
        own.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A healthy service for tasks that work on files: what they put aside is in its directory, too."""
    directory = tmp_path_factory.mktemp("service")
    with keeping_files(directory, lease_seconds="2", file_sweep_seconds="0.2", scratch_directory=str(directory)) as own:
        yield own.start_all()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers with a schema and no processes; each test works on tasks of its own."""
    own = Stack(tmp_path_factory.mktemp("domain"))
    try:
        yield own.start_servers()
    finally:
        own.stop()


@pytest.fixture
def domain(servers: Stack) -> Domain:
    """The transitions on these servers."""
    return Domain(servers)


@pytest.fixture
def chain(servers: Stack) -> Chain:
    """An empty database."""
    servers.sql("TRUNCATE tasks, events, task_dependencies, rate_buckets")
    return Chain(servers)


@contextmanager
def _traced_stack(directory: Path, **settings: str) -> Iterator[tuple[Stack, Collector]]:
    with Collector() as collector:
        own = Stack(directory, otlp_endpoint=collector.url, **settings)
        try:
            yield own.start_servers(), collector
        finally:
            own.stop()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Collector]]:
    """A service that sends its spans to a collector, shared by the tests that break nothing."""
    with _traced_stack(tmp_path_factory.mktemp("traces"), worker_concurrency="2") as (stack, collector):
        yield stack.start_all(), collector


@pytest.fixture
def own_traced(tmp_path: Path) -> Iterator[tuple[Stack, Collector]]:
    """Servers and a collector, for one test that breaks things."""
    with _traced_stack(tmp_path) as found:
        yield found
