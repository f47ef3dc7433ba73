"""How throughput grows with worker processes, and what they cost PostgreSQL: `make bench-fleet`."""

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks.machine import Machine, drained_rate

#: Worker processes (slots) that are tried; no parent has more than SLOTS_OF_A_WORKER of them.
FLEETS = (1, 2, 4, 8, 16, 32, 50)
SLOTS_OF_A_WORKER = 10
#: Seconds that a task waits for something else, as for a service that it calls; and for one that only computes.
WAITING, COMPUTING = 0.05, 0.0


def measure(machine: Machine, slots: int, *, seconds: float, count: int) -> tuple[float, int]:
    """Completed tasks per second, and the greatest number of connections to PostgreSQL that was seen."""
    stack = machine.stack
    stack.sql("TRUNCATE tasks, events")
    connections: list[int] = []
    names = [f"worker-{number}" for number in range(-(-slots // SLOTS_OF_A_WORKER))]
    with machine.ours("api", "dispatcher"):
        batch = {"tasks": [{"task_type": "default", "parameters": {"processing_time": seconds}}] * count}
        assert stack.http.post("/tasks/batch", json=batch).status_code == 202

        def left() -> int:
            row = stack.sql("""
                SELECT count(*), (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'atropos-worker%%')
                FROM tasks WHERE status IN ('pending', 'processing')""")[0]
            connections.append(int(row[1]))
            return int(row[0])

        try:
            for number, name in enumerate(names):
                own = min(SLOTS_OF_A_WORKER, slots - number * SLOTS_OF_A_WORKER)
                stack.start(name, worker_concurrency=str(own))
            rate = drained_rate(left, count)
        finally:
            for name in names:
                stack.kill(name)
    return rate, max(connections)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are shown (3)")
    options = parser.parse_args()
    print("| worker processes | tasks of 50 ms, per second | of no time, per second | connections of workers |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="atropos-bench-") as directory:
        machine = Machine(Path(directory))
        try:
            for slots in FLEETS:
                waiting = [measure(machine, slots, seconds=WAITING, count=60 * slots) for _ in range(options.rounds)]
                computing = [measure(machine, slots, seconds=COMPUTING, count=3000) for _ in range(options.rounds)]
                rates = [f"{statistics.median(rate for rate, _ in found):,.0f}" for found in (waiting, computing)]
                most = max(seen for _, seen in waiting + computing)
                print(f"| {slots} | {rates[0]} | {rates[1]} | {most} |", flush=True)
        finally:
            machine.stack.stop()


if __name__ == "__main__":
    main()
