"""Where the time goes between `POST /tasks` and the result, hop by hop: `make bench-latency`."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.machine import Machine, drained_rate

BODY = {"task_type": "default"}
#: What is measured, and the SQL of its seconds. `created_at` is when the transaction of the submission began.
HOPS = {
    "submission to hand-over (commit, wake-up, dispatch)": "dispatched_at - created_at",
    "hand-over to start (Redis, Celery, claim)": "started_at - dispatched_at",
    "start to end (handler, outcome)": "finished_at - started_at",
    "submission to start, altogether": "started_at - created_at",
}


def budget(machine: Machine, *, count: int, rate: float) -> str:
    """The hops' percentiles in milliseconds at so many tasks a second, as Markdown."""
    stack = machine.stack
    with machine.ours("api", "dispatcher", "worker"):
        stack.wait_for(stack.submit(), "completed")
        stack.sql("TRUNCATE tasks, events")
        answered = machine.load(stack.api_url + "/tasks", BODY, connections=16, count=count, rate=rate)
        unfinished = "SELECT count(*) FROM tasks WHERE status IN ('pending', 'processing')"
        drained_rate(lambda: min(1, int(stack.sql(unfinished)[0][0])), 2)
    lines = [f"| at {rate:g} tasks/s | p50 ms | p95 ms | p99 ms |", "|---|---|---|---|"]
    lines.append(f"| POST until answered | {answered['p50']:.1f} | - | {answered['p99']:.1f} |")
    for name, seconds in HOPS.items():
        found = stack.sql(
            "SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM "  # noqa: S608
            f"{seconds}) * 1000) FROM tasks"
        )
        lines.append(f"| {name} | " + " | ".join(f"{float(value):.1f}" for value in found[0][0]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100, help="tasks a second (100)")
    parser.add_argument("--count", type=int, default=1000, help="tasks (1,000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atropos-bench-") as directory:
        machine = Machine(Path(directory))
        try:
            print(budget(machine, count=options.count, rate=options.rate))
        finally:
            machine.stack.stop()


if __name__ == "__main__":
    main()
