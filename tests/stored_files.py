"""A real service that keeps files in a folder, for the tests of files and of tasks that work on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack import Stack


@contextmanager
def keeping_files(directory: Path, **settings: str) -> Iterator[Stack]:
    """Servers with a schema and no processes; what the test starts keeps files in `files` below the directory."""
    stack = Stack(directory, storage_url=(directory / "files").as_uri(), **settings)
    try:
        yield stack.start_servers()
    finally:
        stack.stop()


def contents(stack: Stack) -> list[Path]:
    """What is in the folder: all that is stored, whether a row tells of it or not."""
    return [path for path in (stack.directory / "files").rglob("*") if path.is_file()]
