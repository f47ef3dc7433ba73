"""The Celery application: a transport and a process pool with every clever default switched off, and why."""

from celery import Celery
from kombu import Queue

from atropos_core.settings import get_settings

#: The one registered task.
EXECUTE = "atropos.execute"

settings = get_settings()
app = Celery("atropos", include=["atropos_worker.execute"])
app.conf.update(
    broker_url=settings.redis_address,
    broker_transport="atropos_worker.transport:Transport",
    # The truth is in PostgreSQL.
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    # Acknowledged when the pool takes it: no visibility timeout can send a long task a second time.
    task_acks_late=False,
    # An id is taken from Redis only when a slot is free, so the list's length is what waits.
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_concurrency=settings.worker_concurrency,
    worker_max_tasks_per_child=settings.worker_max_tasks_per_child,
    # A child that has had so much is not given another task, which would be killed for what it did not do.
    worker_max_memory_per_child=settings.worker_child_memory_bytes and settings.worker_child_memory_bytes // 2048,
    task_default_queue=settings.worker_queues[0],
    task_queues=[Queue(name) for name in settings.worker_queues],
    task_create_missing_queues=True,
    # A child that a task killed is replaced after this long; its task is rescued by its lease.
    worker_lost_wait=1.0,
    worker_proc_alive_timeout=30.0,
    # Cancel, events and liveness go through PostgreSQL: broadcasts to all workers cost, and are lost.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    # An outage of Redis only delays; what runs goes on.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_transport_options={
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "client_name": "atropos",
    },
)
