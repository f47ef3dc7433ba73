"""What a process of the worker holds on to: its connections and its name. Made anew in each child."""

import os
import socket
from dataclasses import dataclass
from functools import cached_property

import redis

from atropos_core.db import Database
from atropos_core.events import Hints, connect_redis
from atropos_core.settings import Settings, get_settings
from atropos_core.storage import Storage


@dataclass
class Runtime:
    """Connections are opened on first use, so a child shares none with its parent."""

    settings: Settings
    #: role@host:pid of the process that people know: a child has its parent's.
    name: str

    @cached_property
    def database(self) -> Database:
        return Database(self.settings, name=self.name.partition("@")[0])

    @cached_property
    def redis(self) -> "redis.Redis":
        return connect_redis(self.settings)

    @cached_property
    def storage(self) -> Storage:
        return Storage(self.settings)

    @cached_property
    def hints(self) -> Hints:
        return Hints(self.redis)


def process_name(role: str) -> str:
    """role@host:pid of this process."""
    return f"{role}@{socket.gethostname()}:{os.getpid()}"


_runtime: Runtime | None = None


def start(role: str) -> Runtime:
    """The runtime of this process, which it names."""
    global _runtime
    _runtime = Runtime(get_settings(), process_name(role))
    return _runtime


def restart_in_child() -> Runtime:
    """A new runtime with the parent's name, whose connections the child must not touch."""
    global _runtime
    parent = current()
    _runtime = Runtime(parent.settings, parent.name)
    return _runtime


def current() -> Runtime:
    """The runtime that was started."""
    return _runtime or start("worker")


def resident_bytes() -> int:
    """Memory of this process, as proc_pid_statm(5) tells; 0 where there is no such file."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
