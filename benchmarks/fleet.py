"""How throughput and latency grow with worker processes, and what they cost PostgreSQL: `make bench-fleet`."""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import Machine, drained_rate

#: Worker processes (slots) that are tried; no parent has more than SLOTS_OF_A_WORKER of them.
FLEETS = (1, 2, 4, 8, 16, 32, 50)
SLOTS_OF_A_WORKER = 10
#: Seconds that a task waits for something else, as for a service that it calls; and for one that only computes.
WAITING, COMPUTING = 0.05, 0.0
#: Tasks of no time, a second, while the delay of a start is measured; one process keeps up with them easily.
CALM = 50
UNFINISHED = "SELECT count(*) FROM tasks WHERE status IN ('pending', 'processing')"


@contextmanager
def workers(machine: Machine, slots: int) -> Iterator[None]:
    """Workers with so many slots in all."""
    names = [f"worker-{number}" for number in range(-(-slots // SLOTS_OF_A_WORKER))]
    try:
        for number, name in enumerate(names):
            own = min(SLOTS_OF_A_WORKER, slots - number * SLOTS_OF_A_WORKER)
            machine.stack.start(name, worker_concurrency=str(own))
        yield
    finally:
        for name in names:
            machine.stack.kill(name)


def throughput(machine: Machine, slots: int, *, seconds: float, count: int) -> tuple[float, int]:
    """Completed tasks per second, and the greatest number of connections to PostgreSQL that was seen."""
    stack = machine.stack
    stack.sql("TRUNCATE tasks, events")
    connections: list[int] = []
    with machine.ours("api", "dispatcher"):
        batch = {"tasks": [{"task_type": "default", "parameters": {"processing_time": seconds}}] * count}
        assert stack.http.post("/tasks/batch", json=batch).status_code == 202

        def left() -> int:
            row = stack.sql(f"""
                SELECT ({UNFINISHED}), count(*) FROM pg_stat_activity
                WHERE application_name LIKE 'atropos-worker%%'""")[0]  # noqa: S608
            connections.append(int(row[1]))
            return int(row[0])

        with workers(machine, slots):
            rate = drained_rate(left, count)
    return rate, max(connections)


def start_delays(machine: Machine, slots: int) -> tuple[float, float]:
    """Milliseconds from the submission to the start, at CALM tasks a second: median and 95th percentile."""
    stack = machine.stack
    with machine.ours("api", "dispatcher"), workers(machine, slots):
        stack.wait_for(stack.submit(), "completed")
        stack.sql("TRUNCATE tasks, events")
        machine.load(stack.api_url + "/tasks", {"task_type": "default"}, connections=16, count=10 * CALM, rate=CALM)
        drained_rate(lambda: min(1, int(stack.sql(UNFINISHED)[0][0])), 2)
    found = stack.sql("""
        SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at))
        FROM tasks""")[0][0]
    return float(found[0]) * 1000, float(found[1]) * 1000


def row(machine: Machine, slots: int, rounds: int) -> str:
    """A line of the table, of medians."""

    def median_of(measured: Callable[[], tuple[float, float]]) -> tuple[float, float]:
        found = [measured() for _ in range(rounds)]
        return statistics.median(first for first, _ in found), statistics.median(second for _, second in found)

    waiting, most = median_of(lambda: throughput(machine, slots, seconds=WAITING, count=60 * slots))
    computing, _ = median_of(lambda: throughput(machine, slots, seconds=COMPUTING, count=3000))
    middle, late = median_of(lambda: start_delays(machine, slots))
    return f"| {slots} | {waiting:,.0f} | {computing:,.0f} | {middle:.1f} / {late:.1f} | {most:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are shown (3)")
    parser.add_argument("--slots", type=int, nargs="+", default=FLEETS, help="worker processes (1 2 4 8 16 32 50)")
    options = parser.parse_args()
    print(
        f"| worker processes | tasks of 50 ms, per second | of no time, per second "
        f"| start at {CALM}/s, ms, p50 / p95 | connections of workers |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="atropos-bench-") as directory:
        machine = Machine(Path(directory))
        try:
            for slots in options.slots:
                print(row(machine, slots, options.rounds), flush=True)
        finally:
            machine.stack.stop()


if __name__ == "__main__":
    main()
