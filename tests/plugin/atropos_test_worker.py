"""A worker that calls itself dead within seconds, and breaks when told to: tests start it in place of the real one."""

import signal
from typing import Any

from celery import signals

from atropos_worker import liveness
from atropos_worker.__main__ import main

# A tenth of the defaults, still longer than Celery's first pause between two tries to reconnect, which is 2 s.
liveness.LOOK_SECONDS = 0.5
liveness.STILL_SECONDS = liveness.SUSPECT_SECONDS = 4.5


def break_when_told(sender: Any, **_: Any) -> None:
    """SIGUSR1 stops the consumer's loop; SIGUSR2 makes it deaf: it goes on and takes nothing from its queue."""
    signal.signal(signal.SIGUSR1, lambda *_: signal.pause())
    signal.signal(signal.SIGUSR2, lambda *_: sender.call_soon(sender.cancel_task_queue, "default"))


if __name__ == "__main__":
    signals.worker_ready.connect(break_when_told, weak=False)
    main()
