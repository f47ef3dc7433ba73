"""Passwords that come apart from their addresses, and variables that are set to nothing."""

from urllib.parse import quote

import pytest
from kombu.utils.url import parse_url as parse_broker_url
from redis.connection import parse_url as parse_redis_url
from sqlalchemy import make_url

from atropos_core.settings import Settings

#: Everything that means something in an address, and what is not ASCII.
AWKWARD = "p@ss:w/o?r#d%40 &+=[]'\"\\é"
PASSWORDS = ("ATROPOS_DATABASE_PASSWORD", "ATROPOS_REDIS_PASSWORD")
ADDRESSES = ("ATROPOS_DATABASE_URL", "DATABASE_URL", "ATROPOS_REDIS_URL", "REDIS_URL", "CELERY_BROKER_URL")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PASSWORDS, *ADDRESSES, "ATROPOS_PROBE_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_a_database_password_survives_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever characters it has, it is read back from the address as it was."""
    monkeypatch.setenv("ATROPOS_DATABASE_PASSWORD", AWKWARD)
    address = Settings(database_url="postgres://user@host:5433/name?sslmode=require").database_address
    read = make_url(address.render_as_string(hide_password=False))
    assert (read.password, read.username, read.host) == (AWKWARD, "user", "host")
    assert (read.port, read.database) == (5433, "name")
    assert dict(read.query) == {"sslmode": "require"}


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_redis_password_survives_the_address(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As our client of Redis reads it, and as Celery's does."""
    monkeypatch.setenv("ATROPOS_REDIS_PASSWORD", AWKWARD)
    address = Settings(redis_url=f"{scheme}://host:6380/2").redis_address
    ours, celerys = parse_redis_url(address), parse_broker_url(address)
    assert (ours["password"], ours["host"], ours["port"], ours["db"]) == (AWKWARD, "host", 6380, 2)
    assert (celerys["password"], celerys["hostname"], celerys["port"]) == (AWKWARD, "host", 6380)


def test_the_parameters_of_a_redis_url_are_kept() -> None:
    """They follow the password as they followed none."""
    settings = Settings(redis_url="rediss://host/1?ssl_cert_reqs=none&health_check_interval=7", redis_password=AWKWARD)
    read = parse_redis_url(settings.redis_address)
    assert (read["password"], read["ssl_cert_reqs"], read["health_check_interval"]) == (AWKWARD, "none", 7)


@pytest.mark.parametrize("before", ["atropos@", "atropos:old@", f"atropos:{quote(AWKWARD, safe='')}@"])
def test_the_user_of_a_redis_url_is_kept(before: str) -> None:
    """The password is that user's, in place of the URL's."""
    read = parse_redis_url(Settings(redis_url=f"redis://{before}host/0", redis_password=AWKWARD).redis_address)
    assert (read["username"], read["password"], read["host"]) == ("atropos", AWKWARD, "host")


def test_a_redis_password_without_a_user_has_none() -> None:
    """It is the default user's, whose name is not sent: servers before Redis 6 know no names."""
    read = parse_redis_url(Settings(redis_url="redis://:old@host/0", redis_password=AWKWARD).redis_address)
    assert (read["password"], read.get("username")) == (AWKWARD, None)


def test_a_database_password_wins_over_the_url() -> None:
    """The user of the URL stays."""
    address = Settings(database_url="postgresql://user:old@host/name", database_password=AWKWARD).database_address
    assert (address.username, address.password) == ("user", AWKWARD)


def test_without_passwords_the_urls_are_the_addresses() -> None:
    """Nothing is taken apart and put together again."""
    settings = Settings(database_url="postgresql://user:old@host/name", redis_url="redis://user:old@host/0")
    assert settings.database_address.render_as_string(hide_password=False) == "postgresql+psycopg2://user:old@host/name"
    assert settings.redis_address == "redis://user:old@host/0"


def test_an_empty_variable_is_as_good_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords, addresses and a port that are set to nothing leave the defaults."""
    defaults = Settings()
    for name in (*PASSWORDS, *ADDRESSES, "ATROPOS_PROBE_PORT"):
        monkeypatch.setenv(name, "")
    assert defaults == Settings()


def test_an_empty_variable_does_not_hide_its_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform's own REDIS_URL is taken while ATROPOS_REDIS_URL is set to nothing."""
    monkeypatch.setenv("ATROPOS_REDIS_URL", "")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/0")
    assert Settings().redis_url == "redis://elsewhere/0"


def test_passwords_of_their_own_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where the settings are printed nor where the address of the database is."""
    for name in PASSWORDS:
        monkeypatch.setenv(name, AWKWARD)
    settings = Settings()
    assert settings.database_address.password == AWKWARD
    for shown in (repr(settings), str(settings), str(settings.model_dump()), repr(settings.database_address)):
        assert AWKWARD[:8] not in shown
