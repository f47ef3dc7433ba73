"""One answer of each operation that /docs shows; openapi.py puts them into the document."""

from typing import Any

TASK_ID = "019ab5c2-7d1e-7a33-9c54-2f6f0d1be0a7"
NEEDED_ID = "019ab5c2-6f08-7c41-a3d5-93b1e7f20c11"
NEEDED = {"task_id": NEEDED_ID, "task_type": "data_processing", "status": "processing"}
WORKER = "worker-6f9c-1"
STATE = {
    "task_id": TASK_ID,
    "task_type": "report_generation",
    "status": "pending",
    "attempt": 0,
    "max_retries": 3,
    "progress": 0.0,
    "progress_message": None,
    "created_at": "2026-11-24T10:00:00.000000Z",
    "run_at": "2026-11-24T10:00:00.000000Z",
    "started_at": None,
    "finished_at": None,
    "cancel_requested_at": None,
}
PENDING = {
    **STATE,
    "queue": "default",
    "priority": 5,
    "labels": {"customer": "acme"},
    "timeout_seconds": None,
    "interruptions": 0,
    "worker": None,
}
ENDED_AT = {"started_at": "2026-11-24T10:00:00.012000Z", "finished_at": "2026-11-24T10:00:05.070000Z"}
COMPLETED = {**PENDING, **ENDED_AT, "status": "completed", "attempt": 1, "progress": 1.0, "worker": WORKER}
CANCELLED = {**PENDING, "status": "cancelled", "finished_at": "2026-11-24T10:00:03.000000Z"}
RESULT = {"title": "Q3", "pages": 12}
FILE = {
    "file_id": "019ab5c2-8a3f-7b10-8f6e-5d1c0b9a7e42",
    "name": "q3.pdf",
    "media_type": "application/pdf",
    "size_bytes": 48211,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_at": "2026-11-24T10:00:05.010000Z",
    "task_id": TASK_ID,
}
AVAILABLE = {"status": "ok", "detail": None, "seconds": 0.001}

EVENT = f"""id: 1042
retry: 1000
data: {{"id":1042,"task_id":"{TASK_ID}","type":"started","attempt":1,"at":"2026-11-24T10:00:00.012000Z","data":{{}}}}

"""

#: By operation, or operation and status: what it answers.
ANSWERS: dict[str, Any] = {
    "submit_task": PENDING,
    "submit_tasks": {"tasks": [PENDING]},
    "list_tasks": {"tasks": [COMPLETED], "next_cursor": TASK_ID},
    "get_task": {
        **COMPLETED,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parameters": {"title": "Q3", "pages": 12},
        "result": RESULT,
        "error": None,
        "artifacts": [FILE],
        "depends_on": [NEEDED_ID],
        "on_dependency_failure": "cancel",
        "dependents": [],
    },
    "get_status": {**STATE, "queue_position": None, "waiting_for_limit": None, "waiting_for": [NEEDED]},
    "get_graph": {
        "nodes": [
            {"task_id": TASK_ID, "task_type": "report_generation", "status": "pending", "progress": 0.0},
            {**NEEDED, "progress": 0.4},
        ],
        "edges": [{"task_id": TASK_ID, "depends_on": NEEDED_ID}],
        "truncated": False,
    },
    "get_result": {
        "task_id": TASK_ID,
        "status": "completed",
        "result": RESULT,
        "error": None,
        "artifacts": [FILE],
        "finished_at": ENDED_AT["finished_at"],
    },
    "get_logs": {
        "lines": [
            {
                "attempt": 1,
                "line": 1,
                "at": ENDED_AT["started_at"],
                "message": "typesetting: begins",
                "fields": {"seconds": 5.0},
            }
        ],
        "next_cursor": "1:1",
    },
    "upload_file": {**FILE, "name": "sales.csv", "media_type": "text/csv", "task_id": None},
    "get_file": FILE,
    "cancel_task": CANCELLED,
    "retry_task": PENDING,
    "cancel_tasks": {"matched": 12, "changed": 12, "more": False},
    "retry_tasks": {"matched": 3, "changed": 0, "more": False},
    "list_task_types": {
        "task_types": [
            {
                "name": "default",
                "description": "Waits for processing_time and returns what it was given.",
                "queue": "default",
                "timeout_seconds": None,
                "max_retries": 3,
                "concurrency_limit": None,
                "concurrency_key": None,
                "rate_per_second": None,
                "parameters": {"type": "object", "properties": {"processing_time": {"type": "number"}}},
                "example": {"message": "hello", "processing_time": 2},
            }
        ]
    },
    "list_workers": {
        "workers": [
            {
                "id": WORKER,
                "hostname": "worker-6f9c",
                "pid": 1,
                "queues": ["default"],
                "slots": 4,
                "draining": False,
                "started_at": "2026-11-24T09:00:00.000000Z",
                "seen_at": "2026-11-24T10:00:00.000000Z",
                "running": [TASK_ID],
            }
        ],
        "pods": [
            {
                "name": "worker-6f9c",
                "pool": "default",
                "phase": "Running",
                "ready": True,
                "terminating": False,
                "node": "node-1",
                "restarts": 0,
                "deletion_cost": 1,
                "started_at": "2026-11-24T09:00:00.000000Z",
                "waiting_reason": None,
            }
        ],
        "cluster_problem": None,
    },
    "get_stats": {
        "queues": [{"queue": "default", "pending": 7, "scheduled": 1, "processing": 4, "oldest_seconds": 1.5}],
        "totals": {"submitted": 112, "started": 104, "completed": 100},
        "last_hour": {"submitted": 12, "started": 4},
        "durations": {"bounds": [0.1, 1.0, 10.0], "waiting": [90, 12, 2, 0], "running": [0, 85, 14, 1]},
        "pools": None,
        "cluster_problem": None,
    },
    "get_health": {
        "status": "ok",
        "database": AVAILABLE,
        "broker": AVAILABLE,
        "workers": {"active": 1, "slots": 4, "busy": 4},
        "dispatchers": 1,
        "queue_depth": 7,
    },
    "get_health 503": {
        "status": "unavailable",
        "database": {"status": "unavailable", "detail": "does not answer", "seconds": 5.0},
        "broker": AVAILABLE,
        "workers": {"active": 0, "slots": 0, "busy": 0},
        "dispatchers": 0,
        "queue_depth": 0,
    },
    "follow_task": EVENT,
    "follow_all": ": following\n" + EVENT,
    "get_liveness": {"status": "ok"},
    "get_readiness": {"status": "ok"},
}
#: By operation: the first of its requests, where the task types give none.
BULK_REQUEST = {"filter": {"task_type": ["report_generation"], "labels": {"customer": "acme"}}, "dry_run": True}
REQUESTS: dict[str, Any] = {"cancel_tasks": BULK_REQUEST, "retry_tasks": BULK_REQUEST}
