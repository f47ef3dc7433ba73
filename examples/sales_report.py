"""Makes a report of a table of sales: `python sales_report.py sales.csv results`. Needs a running service.

The file is uploaded; one task groups its rows, and another, which waits for it, makes a PDF of what came out.
"""

import sys
from pathlib import Path

from atropos_client import Client

table, folder = sys.argv[1:]
Path(folder).mkdir(exist_ok=True)
with Client() as client:
    source = {"file_id": client.upload(table)["file_id"]}
    by_day = {"group_by": ["day"], "aggregates": {"amount": "sum(amount)"}, "order_by": ["day"]}
    grouped = client.submit("data_processing", {"source": source, **by_day})
    report = client.submit(
        "report_generation",
        {
            "source": {"task_id": grouped["task_id"], "artifact": "data.parquet"},
            "title": "Sales",
            "totals": ["amount"],
            "charts": [{"kind": "line", "x": "day", "y": "amount"}],
        },
        depends_on=[grouped["task_id"]],
    )
    client.wait(report["task_id"], timeout=600)
    for task in (grouped, report):
        for artifact in client.artifacts(task["task_id"]):
            print(client.download(artifact["file_id"], folder))
