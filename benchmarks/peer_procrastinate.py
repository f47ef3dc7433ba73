"""The peer on PostgreSQL: `python -m benchmarks.peer_procrastinate {schema | defer COUNT | work}`.

`defer` prints the seconds that it took, without the start of the process.
"""

import os
import sys
import time

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

URL = os.environ.get("BENCH_POSTGRES_URL", "")
worker_app = App(connector=PsycopgConnector(conninfo=URL))


@worker_app.task(name="noop")
async def noop() -> None:
    """Nothing."""


def main() -> None:
    if sys.argv[1] == "work":
        worker_app.run_worker(concurrency=1, delete_jobs="never", install_signal_handlers=True)
        return
    app = App(connector=SyncPsycopgConnector(conninfo=URL))
    with app.open():
        if sys.argv[1] == "schema":
            app.schema_manager.apply_schema()
        else:
            task = app.configure_task("noop", allow_unknown=True)
            count = int(sys.argv[2])
            began = time.perf_counter()
            for start in range(0, count, 1000):
                task.batch_defer(*[{} for _ in range(min(1000, count - start))])
            print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
