"""What `helm test` runs: submits a task through the API's service and waits until it is completed."""

import json
import os
import sys
import time
import urllib.request

API = os.environ["API"]
#: A worker pool that was scaled to zero has to come up first.
SECONDS = 180


def ask(path: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


task = ask("/tasks", {"task_type": "default", "parameters": {"processing_time": 1}, "labels": {"source": "helm-test"}})
deadline = time.monotonic() + SECONDS
while (status := ask(f"/tasks/{task['task_id']}/status"))["status"] not in {"completed", "failed", "cancelled"}:
    if time.monotonic() > deadline:
        sys.exit(f"not completed within {SECONDS} s: {status}")
    time.sleep(0.5)
print(json.dumps(status))
sys.exit(status["status"] != "completed")
