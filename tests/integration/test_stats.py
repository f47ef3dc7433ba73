"""GET /stats counts what the event log holds."""

from typing import Any

from atropos_core.statistics import BUCKETS
from tests.stack import Stack, wait_until


def _everything(stack: Stack) -> list[str]:
    """A success, a failure after a retry, and a cancel of what waits and so took no time; the ids."""
    done = stack.submit(parameters={"processing_time": 0.3})
    failed = stack.submit(parameters={"fail": -1}, max_retries=1)
    waiting = stack.submit(delay_seconds=3600)
    assert stack.http.post(f"/tasks/{waiting}/cancel").status_code == 200
    stack.wait_for(done, "completed")
    stack.wait_for(failed, "failed")
    return [done, failed, waiting]


def _stats(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = stack.http.get("/stats").json()
    return found


def _durations(stack: Stack, condition: str) -> list[int]:
    """How many events of the log took as long as each bucket."""
    rows = stack.sql(
        f"""SELECT width_bucket((data ->> 'seconds')::float, ARRAY{list(BUCKETS)}), count(*)
            FROM events WHERE data ? 'seconds' AND {condition} GROUP BY 1"""
    )
    counts = {int(bucket): int(count) for bucket, count in rows}
    return [counts.get(bucket, 0) for bucket in range(len(BUCKETS) + 1)]


def test_durations_are_those_of_the_event_log(stack: Stack) -> None:
    """Each attempt is counted by how long it waited and how long it ran, however it ended."""
    _everything(stack)
    expected = {
        "bounds": list(BUCKETS),
        "waiting": _durations(stack, "type = 'started'"),
        "running": _durations(stack, "type <> 'started'"),
    }
    wait_until(lambda: _stats(stack)["durations"] == expected, what=lambda: f"{_stats(stack)} to have {expected}")


def test_events_are_counted(stack: Stack) -> None:
    """Since the beginning, and in the last hour, which is the same for a service that young."""
    _everything(stack)
    expected = {row[0]: row[1] for row in stack.sql("SELECT type, count(*) FROM events GROUP BY type")}
    wait_until(lambda: _stats(stack)["totals"] == expected, what=lambda: f"{_stats(stack)} to have {expected}")
    assert _stats(stack)["last_hour"] == expected
