"""The alerts: promtool reads and tries them, each has a runbook, and values change them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, ROOT, of_kind, render, render_case

RULES = CHART / "rules/atropos.yaml"
CASES = sorted(Path(__file__).parent.glob("rules/*.yaml"))
#: Of exporters that are not ours.
FOREIGN = {
    "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "kube_horizontalpodautoscaler_status_condition",
    "kube_deployment_status_replicas_available",
    "keda_scaler_detail_errors_total",
    "keda_scaled_object_errors_total",
    "redis_memory_used_bytes",
    "redis_memory_max_bytes",
    "redis_evicted_keys_total",
    "redis_rejected_connections_total",
    "kubelet_volume_stats_used_bytes",
    "kubelet_volume_stats_capacity_bytes",
}
#: Labels, strings, lists of labels and functions of PromQL: what is no metric.
NO_METRICS = re.compile(r"\{[^}]*\}|\b(by|on) \([^)]*\)|\b\w+(?=\()")


def _alerts(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


ALERTS = _alerts(yaml.safe_load(RULES.read_text())["groups"])


def _rendered(case: str) -> dict[str, dict[str, Any]]:
    return _alerts(of_kind(render_case(case), "PrometheusRule")["atropos"]["spec"]["groups"])


def _metrics(expression: str) -> set[str]:
    names = re.findall(r"\b[a-z]\w*_\w+\b", NO_METRICS.sub(" ", expression))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def _promtool(*arguments: str | Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not on the PATH; Debian has it in the package prometheus")
    found = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


def test_prometheus_reads_the_rules() -> None:
    """`promtool check rules` accepts the file as it is."""
    _promtool("check", "rules", RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(case: Path) -> None:
    """`promtool test rules` sees the expected alerts with their texts, and none on a normal day."""
    _promtool("test", "rules", case)


def test_every_alert_has_a_case_that_fires() -> None:
    """None was forgotten in tests/chart/rules, and no case there is of an alert that is gone."""
    cases = [test for path in CASES for test in yaml.safe_load(path.read_text())["tests"]]
    checks = [check for test in cases for check in test.get("alert_rule_test", [])]
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == ALERTS.keys()


def test_metrics_exist() -> None:
    """An alert about a metric that nobody serves would be silent for ever."""
    served = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    used = set().union(*(_metrics(alert["expr"]) for alert in ALERTS.values()))
    assert used - served == FOREIGN


def test_every_alert_has_a_runbook() -> None:
    """`runbook_url` leads to the section of docs/operations.md that has the alert's name."""
    sections = re.findall(r"^### (Atropos\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert sections == list(ALERTS)
    for name, alert in ALERTS.items():
        assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"


def test_alerts_wake_or_wait() -> None:
    """Each alert says who is told, and fires only after a time."""
    assert {alert["labels"]["severity"] for alert in ALERTS.values()} == {"page", "ticket"}
    assert all(alert["for"] for alert in ALERTS.values())


def test_values_may_name_each_alert() -> None:
    """The schema knows the alerts that there are."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    rule = schema["properties"]["monitoring"]["properties"]["prometheusRule"]["properties"]
    assert rule["alerts"]["propertyNames"]["enum"] == sorted(ALERTS)


def test_the_rule_has_the_alerts_as_they_are() -> None:
    """Without values for single alerts, the PrometheusRule has the file's groups, word for word."""
    documents = render({"monitoring": {"prometheusRule": {"enabled": True}}})
    groups = of_kind(documents, "PrometheusRule")["atropos"]["spec"]["groups"]
    assert groups == yaml.safe_load(RULES.read_text())["groups"]


def test_values_change_single_alerts() -> None:
    """Threshold, time and severity are replaced, and one that is switched off is gone; large numbers stay readable."""
    alerts = _rendered("monitoring")
    waits = alerts["AtroposTasksWaitTooLong"]
    assert waits["expr"] == "max by (namespace, queue) (atropos_queue_oldest_seconds) > 86400"
    assert (waits["for"], waits["labels"]["severity"]) == ("1h", "ticket")
    assert alerts["AtroposTasksFail"]["expr"].endswith("> 0.25")
    assert ALERTS.keys() - alerts.keys() == {"AtroposRedisNearFull"}


def test_runbooks_may_be_elsewhere() -> None:
    """The page is replaced in front of each anchor."""
    for name, alert in _rendered("monitoring").items():
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example.org/atropos#{name.lower()}"


def test_prometheus_reads_the_changed_alerts(tmp_path: Path) -> None:
    """The rendered groups are still a rule file."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(of_kind(render_case("monitoring"), "PrometheusRule")["atropos"]["spec"]))
    _promtool("check", "rules", path)
