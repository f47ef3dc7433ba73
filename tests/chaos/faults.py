"""Every fault that chaos knows: what it does, to what, and how it is undone. schedule.py chooses among them."""

import random
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import psycopg2
import redis

from atropos_cli.embedded import Server, ServerError
from tests.chaos.proxy import Link
from tests.chaos.service import APIS, PROCESSES, WORKERS, Service, children, send, tree

SERVERS = ("postgres", "redis")
#: Workers twice as often, as tasks are in their hands.
OFTEN_WORKERS = (*PROCESSES, *WORKERS)
#: One link of a process, or both of them, as if its machine were cut off; those of clients four times as often.
LINKS = (
    *(f"{name} {server}" for name in PROCESSES for server in (*SERVERS, "all")),
    *(f"client {name}" for name in APIS * 4),
)

Undo = Callable[[], object]


@dataclass(frozen=True)
class Fault:
    """One thing to do: `at` and `seconds` are from the start of the run."""

    at: float
    kind: str
    target: str
    #: Until it is undone.
    seconds: float


@dataclass(frozen=True)
class Kind:
    """How often it is chosen beside the others, among which targets, for how long, and how it is done."""

    weight: int
    targets: Sequence[str]
    seconds: tuple[float, float]
    #: Does it, and returns what undoes it; none if there was nothing to do it to, as another fault was first.
    begin: Callable[[Service, Fault], Undo | None]


def begin(service: Service, fault: Fault) -> Undo | None:
    """Do it; what is returned undoes it. None if nothing was done."""
    return KINDS[fault.kind].begin(service, fault)


def _kill(service: Service, fault: Fault) -> Undo | None:
    if fault.target not in service.processes:
        return None
    service.kill(fault.target)
    return partial(service.run, fault.target)


def _kill_child(service: Service, fault: Fault) -> Undo | None:
    found = _one_child(service, fault)
    send(signal.SIGKILL, found)
    return _nothing if found else None


def _drain(service: Service, fault: Fault) -> Undo | None:
    process = service.processes.pop(fault.target, None)
    if process is None:
        return None
    process.send_signal(signal.SIGTERM)

    def undo() -> None:
        send(signal.SIGCONT, tree(process.pid))  # another fault may have paused it
        service.leave(process, fault.target)
        service.run(fault.target)

    return undo


def _pause(pids: list[int]) -> Undo | None:
    send(signal.SIGSTOP, pids)
    return partial(send, signal.SIGCONT, pids) if pids else None


def _pause_process(service: Service, fault: Fault) -> Undo | None:
    process = service.processes.get(fault.target)
    return _pause(tree(process.pid) if process else [])


def _pause_parent(service: Service, fault: Fault) -> Undo | None:
    process = service.processes.get(fault.target)
    return _pause([process.pid] if process else [])


def _pause_child(service: Service, fault: Fault) -> Undo | None:
    return _pause(_one_child(service, fault))


def _one_child(service: Service, fault: Fault) -> list[int]:
    process = service.processes.get(fault.target)
    found = children(process.pid) if process else []
    return [random.Random(fault.at).choice(found)] if found else []


def _server(service: Service, fault: Fault) -> Server:
    return service.postgres if fault.target == "postgres" else service.redis_server


def _kill_server(service: Service, fault: Fault) -> Undo:
    server = _server(service, fault)
    server.kill()
    return server.start


def _restart_server(service: Service, fault: Fault) -> Undo:
    server = _server(service, fault)
    server.stop()
    return server.start


def _pause_server(service: Service, fault: Fault) -> Undo | None:
    try:
        return _pause(tree(_server(service, fault).pid))
    except ServerError:
        return None


def _flush(service: Service, fault: Fault) -> Undo | None:
    try:
        with redis.Redis.from_url(service.redis_server.url, socket_timeout=3) as client:
            client.flushall()
    except redis.RedisError:
        return None
    return _nothing


def _terminate(service: Service, fault: Fault) -> Undo | None:
    address = service.postgres.url.replace("+psycopg2", "")
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'atropos-%'"
    try:
        with closing(psycopg2.connect(address, connect_timeout=3)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
    except psycopg2.Error:
        return None
    return _nothing


def _nothing() -> None:
    """Such a fault undoes itself."""


def _on_links(change: Callable[[Link], None]) -> Callable[[Service, Fault], Undo]:
    def begin_on_links(service: Service, fault: Fault) -> Undo:
        name, _, server = fault.target.partition(" ")
        names = [f"{name} {one}" for one in SERVERS] if server == "all" else [fault.target]
        links = [service.links[name] for name in names]
        for link in links:
            change(link)

        def undo() -> None:
            for link in links:
                link.restore()

        return undo

    return begin_on_links


KINDS: dict[str, Kind] = {
    "kill a process": Kind(6, OFTEN_WORKERS, (0, 2), _kill),
    "kill a worker's child": Kind(3, WORKERS, (0, 0), _kill_child),
    "drain a worker": Kind(3, WORKERS, (1, 5), _drain),
    "pause a process": Kind(4, OFTEN_WORKERS, (1, 7), _pause_process),
    "pause a worker's parent": Kind(1, WORKERS, (1, 7), _pause_parent),
    "pause a worker's child": Kind(2, WORKERS, (2, 7), _pause_child),
    "kill a server": Kind(3, SERVERS, (0, 3), _kill_server),
    "restart a server": Kind(2, SERVERS, (0, 2), _restart_server),
    "pause a server": Kind(3, SERVERS, (1, 6), _pause_server),
    "wipe Redis": Kind(2, ("redis",), (0, 0), _flush),
    "terminate connections": Kind(2, ("postgres",), (0, 0), _terminate),
    "reset a link": Kind(3, LINKS, (0, 0), _on_links(Link.reset)),
    "cut a link": Kind(4, LINKS, (1, 7), _on_links(Link.cut)),
    "stall a link": Kind(3, LINKS, (1, 7), _on_links(Link.stall)),
    "stall the answers": Kind(3, LINKS, (1, 7), _on_links(lambda link: link.stall(requests=False))),
    "slow a link": Kind(3, LINKS, (2, 8), _on_links(lambda link: link.slow(0.15))),
}
