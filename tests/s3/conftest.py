"""The bucket that all tests here share: each looks at what it made itself."""

from collections.abc import Iterator

import pytest

from tests.s3.bucket import Bucket


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket with a prefix, a region and a key of its own."""
    made = Bucket(tmp_path_factory.mktemp("s3"))
    try:
        yield made.make()
    finally:
        made.process.kill()
        made.process.wait()
