"""PostgreSQL and Valkey as child processes, for `atropos up`, the tests and the benchmarks."""

from atropos_cli.embedded.errors import ServerError
from atropos_cli.embedded.postgres import PostgresServer
from atropos_cli.embedded.redis import RedisServer
from atropos_cli.embedded.server import Server

__all__ = ["PostgresServer", "RedisServer", "Server", "ServerError"]
