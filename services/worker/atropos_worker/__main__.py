"""`python -m atropos_worker` runs a worker: a Celery parent that takes ids, and a child for each slot."""

import ctypes
import os
import signal
import sys
import threading
from typing import Any

import structlog
from celery import signals
from prometheus_client import REGISTRY

from atropos_core.catalog import placed, task_types
from atropos_core.settings import Settings, get_settings
from atropos_core.telemetry import configure_logging
from atropos_core.tracing import configure_tracing, import_sdk, shutdown_tracing
from atropos_worker import consumer, drain, execute, runtime, scratch, watchdog
from atropos_worker.app import app
from atropos_worker.deletion_cost import DeletionCost, write_to_pod
from atropos_worker.leftovers import Leftovers
from atropos_worker.liveness import ConsumerLiveness
from atropos_worker.presence import Presence
from atropos_worker.probes import serve_probes
from atropos_worker.worker_metrics import WorkerMetrics

#: After the drain's deadline and the time its handlers get to end, the parent ends its children, in seconds.
LAST_RESORT_SECONDS = 3.0
#: A child whose interpreter is not free for this long after a lease is ended, in seconds.
SILENT_SECONDS = 10.0
#: prctl(2): the signal that a process gets when its parent dies.
PR_SET_PDEATHSIG = 1

log = structlog.get_logger("atropos.worker")


def _start_child(**_: Any) -> None:
    """In each child: connections and spans of its own, and no life without the parent, whose slots it fills."""
    settings = get_settings()
    configure_tracing(settings, process="worker")
    execute.start_child(runtime.restart_in_child())
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        watchdog.start(settings.lease_seconds + SILENT_SECONDS)


def _work_from_now(presence: Presence, liveness: ConsumerLiveness) -> None:
    """In the parent, once it is connected to Redis for the first time."""
    liveness.connect()
    presence.start()


def _drain_from_now(presence: Presence, liveness: ConsumerLiveness) -> None:
    """In the parent, once: its children read the deadline, and whatever outlasts it is ended."""
    seconds = get_settings().drain_seconds
    if drain.deadline() is not None:
        return
    drain.begin(seconds)
    liveness.drain()
    presence.drain()
    log.info("atropos.worker.draining", seconds=seconds)
    # SIGQUIT is Celery's cold shutdown. By then every task is settled, or its lease will lapse.
    last_resort = threading.Timer(seconds + LAST_RESORT_SECONDS, os.kill, (os.getpid(), signal.SIGQUIT))
    last_resort.daemon = True
    last_resort.start()


def _listen(presence: Presence, liveness: ConsumerLiveness) -> None:
    """To what Celery tells of the worker's life."""
    signals.setup_logging.connect(lambda **_: None, weak=False)
    signals.worker_process_init.connect(_start_child, weak=False)
    signals.worker_process_shutdown.connect(lambda **_: shutdown_tracing(), weak=False)
    signals.worker_ready.connect(lambda **_: _work_from_now(presence, liveness), weak=False)
    signals.worker_shutting_down.connect(lambda **_: _drain_from_now(presence, liveness), weak=False)


def _check_task_types(settings: Settings) -> None:
    """Raises ValueError if one of its pool is missing: it had better not start. Others that are broken are logged."""
    placed(task_types(), {name: at for name, at in settings.task_queues.items() if at in settings.worker_queues})


def main() -> None:
    """Run until asked to stop."""
    settings = get_settings()
    configure_logging(settings, process="worker")
    _check_task_types(settings)
    import_sdk(settings)
    here = runtime.start("worker")
    scratch.start(settings.scratch_directory)
    presence = Presence(here, queues=settings.worker_queues, slots=settings.worker_concurrency)
    liveness = ConsumerLiveness(here, running=consumer.running, taken=consumer.taken)
    leftovers = Leftovers(consumer.children, scratch.forget)
    app.steps["worker"].add(consumer.loop_tick(liveness.tick, leftovers.look))
    serve_probes(settings.probe_port, live=liveness.why_dead, ready=liveness.why_not_ready)
    REGISTRY.register(
        WorkerMetrics(
            liveness,
            slots=settings.worker_concurrency,
            running=consumer.running,
            taken=consumer.taken,
            children=consumer.children,
        )
    )
    if settings.pod_deletion_cost:
        DeletionCost(consumer.running, write_to_pod).start()
    _listen(presence, liveness)
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
        leftovers.look()
        scratch.stop()


if __name__ == "__main__":
    main()
