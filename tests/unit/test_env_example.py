""".env.example against the settings themselves, so that neither goes ahead of the other."""

import re
from pathlib import Path

import pytest

from atropos_core.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
#: A line that people uncomment; a comment has a space after its `#`.
ASSIGNMENT = re.compile(r"^#([A-Z_]+)=(.*)$", re.MULTILINE)
ALIASES = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "DEBUG"}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The names and values of the file, with none of them in the environment."""
    assignments = dict(ASSIGNMENT.findall(EXAMPLE.read_text()))
    for name in assignments:
        monkeypatch.delenv(name, raising=False)
    return assignments


def test_every_setting_and_alias_is_listed(example: dict[str, str]) -> None:
    """The file has each setting under its name in the environment, the aliases, and nothing else."""
    settings = {f"ATROPOS_{name.upper()}" for name in Settings.model_fields}
    assert settings | ALIASES == set(example)


@pytest.mark.parametrize("prefix", ["ATROPOS_", ""])
def test_values_are_the_defaults(prefix: str, example: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncommenting the settings, or the aliases, changes nothing."""
    defaults = Settings()
    for name, value in example.items():
        if name.startswith("ATROPOS_") == bool(prefix):
            monkeypatch.setenv(name, value)
    assert defaults.model_dump() | {"database_url": Settings().database_url} == Settings().model_dump()
    assert defaults.database_url.partition("://")[2] == Settings().database_url.partition("://")[2]


@pytest.mark.parametrize("name", ["CELERY_RESULT_BACKEND", "NEXT_PUBLIC_API_URL"])
def test_names_without_a_meaning_are_explained(name: str) -> None:
    """A name that people may look for, and that nothing reads, is told as such."""
    assert f"# {name} means nothing here: " in EXAMPLE.read_text()
