"""`python -m atropos_worker` runs a worker: a Celery parent that takes ids, and a child for each slot."""

import ctypes
import os
import signal
import sys
import threading
from typing import Any

import structlog
from celery import signals

from atropos_core.settings import get_settings
from atropos_core.telemetry import configure_logging
from atropos_worker import drain, execute, runtime
from atropos_worker.app import app
from atropos_worker.presence import Presence

#: After the drain's deadline and the time its handlers get to end, the parent ends its children, in seconds.
LAST_RESORT_SECONDS = 3.0
#: prctl(2): the signal that a process gets when its parent dies.
PR_SET_PDEATHSIG = 1

log = structlog.get_logger("atropos.worker")


def _start_child(**_: Any) -> None:
    """In each child: connections of its own, and no life without the parent, whose slots it fills."""
    execute.start_keeper(runtime.restart_in_child())
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _drain_from_now(presence: Presence) -> None:
    """In the parent, once: its children read the deadline, and whatever outlasts it is ended."""
    seconds = get_settings().drain_seconds
    if drain.deadline() is not None:
        return
    drain.begin(seconds)
    presence.drain()
    log.info("atropos.worker.draining", seconds=seconds)
    # SIGQUIT is Celery's cold shutdown. By then every task is settled, or its lease will lapse.
    last_resort = threading.Timer(seconds + LAST_RESORT_SECONDS, os.kill, (os.getpid(), signal.SIGQUIT))
    last_resort.daemon = True
    last_resort.start()


def main() -> None:
    """Run until asked to stop."""
    settings = get_settings()
    configure_logging(settings, process="worker")
    here = runtime.start("worker")
    presence = Presence(here, queues=settings.worker_queues, slots=settings.worker_concurrency)
    signals.setup_logging.connect(lambda **_: None, weak=False)
    signals.worker_process_init.connect(_start_child, weak=False)
    signals.worker_ready.connect(lambda **_: presence.start(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: _drain_from_now(presence), weak=False)
    try:
        app.worker_main(
            [
                "--quiet",
                "worker",
                "--pool=prefork",
                f"--concurrency={settings.worker_concurrency}",
                f"--hostname={here.name}",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ]
        )
    finally:
        presence.leave()


if __name__ == "__main__":
    main()
