"""Fetches a URL as a test says; called by the tests of fetching from servers of this machine."""

from pathlib import Path

from atropos_worker.fetch import fetch


def take(url: str, target: Path, *, maximum_bytes: int = 10_000_000, seconds: float = 20) -> None:
    fetch(url, target, maximum_bytes=maximum_bytes, seconds=seconds, check=lambda: None)


def assert_nothing_was_kept(target: Path) -> None:
    assert not list(target.parent.iterdir())
