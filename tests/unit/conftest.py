"""What unit tests of several modules are given: settings, the target of a fetch, a video, an attempt to work on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atropos_core.settings import get_settings
from tests.unit.video_attempt import Attempt
from tests.videos import clip


@pytest.fixture
def setting() -> Iterator[Callable[[str, object], None]]:
    """Sets a setting by its name, as the environment does, until the test is over; None leaves it unset."""

    def set_it(name: str, value: object) -> None:
        variable = f"ATROPOS_{name.upper()}"
        if value is None:
            patch.delenv(variable, raising=False)
        else:
            patch.setenv(variable, str(value))
        get_settings.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        yield set_it
    get_settings.cache_clear()


@pytest.fixture
def this_machine_is_allowed(setting: Callable[[str, object], None]) -> None:
    """URLs of tasks may lead to servers of the test."""
    setting("fetch_allowed_hosts", "127.0.0.0/8")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where to write what is fetched, in a folder of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "target"


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of 320x180 with sound."""
    return clip(tmp_path_factory.mktemp("video") / "source.mp4", extra=("-movflags", "+faststart"))


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """An attempt to work on a video."""
    return Attempt(tmp_path)
