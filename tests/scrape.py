"""Reads `/metrics` of the real processes as Prometheus does: OpenMetrics, with exemplars. Tests of metrics call it."""

from collections.abc import Iterator
from typing import Any

import httpx
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from atropos_cli.embedded.ports import free_port
from tests.stack import Stack, wait_until

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
#: The client library's own, of Python and of the process.
LIBRARY = ("process_", "python_")


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, url: str) -> None:
        answer = httpx.get(f"{url}/metrics", headers={"Accept": OPENMETRICS}, timeout=10)
        answer.raise_for_status()
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        self.families = {_stored_name(family): family for family in text_string_to_metric_families(answer.text)}

    def samples(self, name: str, **labels: str) -> Iterator[Sample]:
        """Those with these labels, and maybe others."""
        for family in self.families.values():
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    yield sample

    def sum(self, name: str, **labels: str) -> float:
        return sum(sample.value for sample in self.samples(name, **labels))


def _stored_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


class Observed:
    """A stack whose processes serve probes and metrics, each on a port of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.ports = {"api": stack.api_port}

    def start(self, name: str, **settings: str) -> None:
        """Start a process, as `Stack.start` does; one that was started before gets its port again."""
        if name == "api":
            self.stack.start(name, **settings)
            return
        port = self.ports.setdefault(name, free_port())
        self.stack.start(name, probe_port=str(port), **settings)

    def start_all(self, *more: str, **settings: str) -> "Observed":
        """API, dispatcher, worker and more, all at work."""
        for name in ("api", "dispatcher", "worker", *more):
            self.start(name, **settings)
        self.stack.wait_for_api()
        wait_until(lambda: self.stack.health().get("status") == "ok", what="a healthy service")
        wait_until(self.leaders, what="a leader")
        return self

    def scrape(self, name: str) -> Scrape:
        return Scrape(f"http://127.0.0.1:{self.ports[name]}")

    def dispatchers(self) -> list[str]:
        return [name for name in self.stack.processes if name.startswith("dispatcher")]

    def leaders(self) -> list[str]:
        """The dispatchers that tell of tasks; those that do not answer yet are none."""
        return [name for name in self.dispatchers() if self._leads(name)]

    def _leads(self, name: str) -> bool:
        try:
            return self.scrape(name).sum("atropos_dispatcher_leader") == 1
        except httpx.TransportError:
            return False

    def totals(self) -> Scrape:
        """What the leader tells once it added up the whole event log. Waits for that."""

        def caught_up() -> Scrape | None:
            found = [self.scrape(name) for name in self.leaders()]
            done = len(found) == 1 and found[0].sum("atropos_event_log_behind_events") == 0
            return found[0] if done and "atropos_event_log_behind_events" in found[0].families else None

        return wait_until(caught_up, what="a leader that added up the whole event log")


def by_labels(samples: Iterator[Sample], *names: str) -> dict[Any, int]:
    """Values by these labels, zeros left out."""
    return {tuple(sample.labels[name] for name in names): int(sample.value) for sample in samples if sample.value != 0}
