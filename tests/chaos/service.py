"""The service that chaos breaks: several of each process, each behind links of its own to PostgreSQL and Redis."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from atropos_cli.embedded import PostgresServer
from atropos_cli.embedded.ports import free_port
from tests.chaos.proxy import Link, Proxy
from tests.stack import Stack

PLUGIN = Path(__file__).parent / "plugin"
SLOTS = 2
WORKERS = ("worker-1", "worker-2", "worker-3")
APIS = ("api-1", "api-2")
PROCESSES = (*WORKERS, "dispatcher-1", "dispatcher-2", *APIS)
#: Drains that some tasks outlast, and retries that come soon.
SETTINGS = {"drain_seconds": "2", "retry_cap_seconds": "2"}
#: A worker that was asked to go must be gone by then, in seconds: its drain, its last resort, and a slow machine.
LEAVE_SECONDS = 30.0


class Service(Stack):
    """Servers, links and processes. What it does to them is in faults.py."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, worker_concurrency=str(SLOTS), database_pool_size="6", **SETTINGS)
        # With the durability it has by default: what it has committed must be there after a SIGKILL.
        self.postgres = PostgresServer(directory / "postgres")
        self.journal = directory / "journal"
        self.journal.touch()
        self.proxy = Proxy()
        #: By the name of the process and what it leads to: `worker-1 redis`; `client api-1`.
        self.links: dict[str, Link] = {}
        self.api_ports = {name: free_port() for name in APIS}
        self.api_port = self.api_ports[APIS[0]]
        #: Processes that ended though nobody ended them, with their exit codes.
        self.ended_alone: list[str] = []
        #: Workers that did not go in time when they were asked to.
        self.did_not_leave: list[str] = []

    def environment(self) -> dict[str, str]:
        """That of the tests, with our task type and where it writes."""
        found = super().environment()
        paths = [str(PLUGIN), found["PYTHONPATH"]]
        return {**found, "PYTHONPATH": os.pathsep.join(paths), "CHAOS_JOURNAL": str(self.journal)}

    def begin(self) -> "Service":
        """Everything at work."""
        self.start_servers()
        for name in PROCESSES:
            self.links[f"{name} postgres"] = self.proxy.link(self.postgres.port)
            self.links[f"{name} redis"] = self.proxy.link(self.redis_server.port)
        for name, port in self.api_ports.items():
            self.links[f"client {name}"] = self.proxy.link(port)
        for name in PROCESSES:
            self.run(name)
        self.wait_for_api()
        return self

    def run(self, name: str) -> None:
        """Start a process, if it does not run."""
        if name in self.processes:
            return
        postgres, redis = self.links[f"{name} postgres"].port, self.links[f"{name} redis"].port
        self.start(
            name,
            database_url=self.postgres.url.replace(f":{self.postgres.port}/", f":{postgres}/"),
            redis_url=self.redis_server.url.replace(f":{self.redis_server.port}/", f":{redis}/"),
            api_port=str(self.api_ports.get(name, 0)),
        )

    def leave(self, process: "subprocess.Popen[bytes]", name: str) -> None:
        """Wait for a process that was asked to go, and end it by force if it does not."""
        try:
            process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self.did_not_leave.append(name)
            process.kill()
            process.wait()

    def restart_what_ended(self) -> None:
        """As a supervisor does; what ended by itself is remembered."""
        for name, process in list(self.processes.items()):
            if (code := process.poll()) is not None:
                del self.processes[name]
                self.ended_alone.append(f"{name} ended by itself with exit code {code}: {self.log(name)[-1500:]}")
                self.run(name)

    def api_urls(self) -> list[str]:
        """The addresses that clients use."""
        return [f"http://127.0.0.1:{self.links[f'client {name}'].port}" for name in APIS]

    def heal(self) -> None:
        """Undo all faults: everything runs and is connected."""
        for link in self.links.values():
            link.restore()
        for server in (self.postgres, self.redis_server):
            if server.exit_code() is None:
                with suppress(RuntimeError):
                    send(signal.SIGCONT, tree(server.pid))
            server.start()
        for process in self.processes.values():
            send(signal.SIGCONT, tree(process.pid))
        self.restart_what_ended()
        for name in PROCESSES:
            self.run(name)

    def stop(self) -> None:
        """Kill everything."""
        for process in self.processes.values():
            send(signal.SIGCONT, tree(process.pid))
        super().stop()
        self.proxy.close()


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    try:
        lists = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(child) for found in lists for child in found.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def send(sig: signal.Signals, pids: list[int]) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sig)
