"""The peers' code: plain Celery, and FastAPI with `.delay()`. Their address comes from BENCH_REDIS_URL."""

import os

from celery import Celery
from fastapi import FastAPI

BROKER = os.environ.get("BENCH_REDIS_URL", "redis://localhost/0")
app = Celery("peer", broker=BROKER, backend=os.environ.get("BENCH_RESULT_BACKEND") or None)
app.conf.update(task_ignore_result="BENCH_RESULT_BACKEND" not in os.environ, worker_hijack_root_logger=False)


@app.task(name="peer.noop")
def noop() -> None:
    """Nothing."""


api = FastAPI()


@api.post("/tasks", status_code=202)
def submit(body: dict[str, object]) -> dict[str, str]:
    """What most people write first."""
    return {"task_id": str(noop.delay()), "type": str(body.get("task_type"))}
