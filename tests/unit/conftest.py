"""What unit tests of several modules are given."""

from collections.abc import Callable, Iterator

import pytest

from atropos_core.settings import get_settings


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
