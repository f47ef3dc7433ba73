"""A load client in a process of its own: `python -m benchmarks.client URL BODY CONNECTIONS COUNT RATE`.

Prints one JSON line: requests per second, and the percentiles of their time in milliseconds. A RATE above 0
sends at that many per second, on a schedule fixed beforehand, so that a slow answer delays no later request's
start on paper (no coordinated omission).
"""

import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the sorted values lie."""
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    url, body, connections, count, rate = sys.argv[1:3] + [float(value) for value in sys.argv[3:6]]  # type: ignore[operator]
    target = urlsplit(str(url))
    times: list[float] = []
    turn = iter(range(int(count)))
    lock = threading.Lock()
    began = time.perf_counter() + 0.1

    def send() -> None:
        connection = http.client.HTTPConnection(target.hostname or "", target.port or 80)
        while True:
            with lock:
                number = next(turn, None)
            if number is None:
                return
            due = began + (number / float(rate) if float(rate) > 0 else 0)
            time.sleep(max(0.0, due - time.perf_counter()))
            start = due if float(rate) > 0 else time.perf_counter()
            connection.request("POST", target.path, body=str(body), headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 202), answer.status
            times.append(time.perf_counter() - start)

    threads = [threading.Thread(target=send) for _ in range(int(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    assert len(times) == int(count), f"{len(times)} of {int(count)} answered"
    times.sort()
    found = {"p50": percentile(times, 0.5) * 1000, "p99": percentile(times, 0.99) * 1000, "rate": len(times) / seconds}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
