"""What a process of the worker holds on to: its connections and its name. Made anew in each child."""

import os
import socket
from dataclasses import dataclass
from functools import cached_property

import redis

from atropos_core.db import Database
from atropos_core.events import Hints, connect_redis, running_key
from atropos_core.models import Task
from atropos_core.settings import Settings, get_settings


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
    def hints(self) -> Hints:
        return Hints(self.redis)

    def show_running(self, task: Task) -> None:
        """Keep the task in its queue's running set until its lease ends; best effort."""
        if task.lease_expires_at is not None:
            scores = {str(task.id): task.lease_expires_at.timestamp()}
            self.hints.attempt(lambda client: client.zadd(running_key(task.queue), scores))

    def hide_running(self, task: Task) -> None:
        """Take it out of the running set."""
        self.hints.attempt(lambda client: client.zrem(running_key(task.queue), str(task.id)))


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
