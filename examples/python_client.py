"""Submits a task and follows it, then runs one task for each of many parameters. Needs a running service."""

from atropos_client import Client, ProgressBar, TaskFailed

with Client() as client:
    task = client.submit("data_processing", {"rows": 5000, "processing_time": 0.5}, priority=9)
    for event in client.stream(task["task_id"]):
        print(event["type"], event["data"])
    print("result", client.wait(task["task_id"], timeout=60)["result"])

    parameters = [{"rows": rows} for rows in (1000, 2000, 3000, 4000)]
    for ended in client.map("data_processing", parameters, concurrency=2, on_progress=ProgressBar()):
        print(ended["parameters"]["rows"], ended["status"])

    failing = client.submit("default", {"fail_permanently": True})
    try:
        client.wait(failing["task_id"])
    except TaskFailed as failed:
        print("failed", failed.error["type"] if failed.error else "")
