"""The settings of fetching the URLs that tasks name. A part of settings.py."""

import re
from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

#: A name or an IPv4 address, without a port.
HOST = re.compile(r"[a-zA-Z0-9_.-]+")


class FetchSettings(BaseSettings):
    """Inherited by `Settings`, which tells how the names in the environment are made."""

    #: Host names, addresses and networks, separated by commas, that URLs of tasks may lead to though they are private;
    #: all else but the public internet is refused.
    fetch_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()

    #: How long a content may take to arrive.
    fetch_seconds: float = Field(3600.0, gt=0)

    @field_validator("fetch_allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = tuple(host.strip() for host in value.split(",") if host.strip())
        if wrong := [host for host in hosts if not _is_host(host)]:
            raise ValueError(f"not a host name, an address or a network: {wrong[0]!r}")
        return hosts


def _is_host(host: str) -> bool:
    try:
        ip_network(host, strict=False)
    except ValueError:
        return HOST.fullmatch(host) is not None
    return True
