"""Values that contradict themselves, or that are no values of the chart, are refused with a sentence that tells why."""

import re
from typing import Any

import helm_python
import pytest

from tests.chart.rendering import CHART, render

DATABASE = {"postgresql": {"enabled": False}}
REDIS = {"redis": {"enabled": False}}
HOST = {"host": "server.example.org"}


def _pool(**values: Any) -> dict[str, Any]:
    return {"workers": {"default": values}}


def _alerts(**alerts: dict[str, Any]) -> dict[str, Any]:
    return {"monitoring": {"prometheusRule": {"alerts": alerts}}}


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"externalDatabase": HOST}, "postgresql.enabled and externalDatabase are both set"),
    (DATABASE, "There is no PostgreSQL: set externalDatabase.host"),
    (
        DATABASE | {"externalDatabase": HOST | {"urlKey": "url"}},
        "externalDatabase.host and externalDatabase.urlKey are both set",
    ),
    (DATABASE | {"externalDatabase": {"urlKey": "url"}}, "externalDatabase.existingSecret, which is not set"),
    (
        DATABASE | {"externalDatabase": HOST | {"password": "hush", "existingSecret": "database"}},
        "externalDatabase.password and externalDatabase.existingSecret are both set",
    ),
    ({"externalRedis": HOST}, "redis.enabled and externalRedis.host are both set"),
    (REDIS, "There is no Redis: set externalRedis.host"),
    (
        REDIS | {"externalRedis": HOST | {"password": "hush", "existingSecret": "redis"}},
        "externalRedis.password and externalRedis.existingSecret are both set",
    ),
    (
        {"storage": {"url": "s3://files", "persistence": {"enabled": True}}},
        "storage.url and storage.persistence.enabled are both set: are files in the bucket or on the volume?",
    ),
    ({"storage": {"existingSecret": "bucket"}}, "existingSecret are those of a bucket: set storage.url to it."),
    ({"api": {"ingress": {"enabled": True}}}, "api.ingress.enabled needs a host in api.ingress.hosts."),
    ({"api": {"httpRoute": {"enabled": True}}}, "api.httpRoute.enabled needs the Gateway in api.httpRoute.parentRefs."),
    (
        {"api": {"autoscaling": {"enabled": True, "minReplicas": 11}}},
        "api.autoscaling.minReplicas is greater than api.autoscaling.maxReplicas.",
    ),
    ({"workers": {"default": None}}, "workers is empty: without a pool nothing would run the tasks."),
    ({"workers": {"films": None}}, "workers.films is null: to remove a pool, leave it out of your values"),
    (
        {"fullnameOverride": "a" * 40, "workers": {"b" * 30: {}}},
        f"workers.{'b' * 30}: the name {'a' * 40}-worker-{'b' * 30} is too long",
    ),
    (
        {"keda": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 29}}}},
        "keda.behavior.scaleDown.stabilizationWindowSeconds (29) is below 30",
    ),
    (
        {"workers": {"default": {"taskTypes": ["default"]}, "films": {"taskTypes": ["default"]}}},
        "workers.films: taskTypes names default, as workers.default does: which pool's queue is it?",
    ),
    (_pool(minReplicas=11), "workers.default: minReplicas (11) is greater than maxReplicas (10)."),
    (
        _pool(autoscaling="keda") | {"keda": {"enabled": False}},
        "workers.default: autoscaling is keda, but keda.enabled is false.",
    ),
    (
        _pool(terminationGracePeriodSeconds=19),
        "workers.default: terminationGracePeriodSeconds (19) leaves no time to drain: it must exceed "
        "drainNoticeSeconds (10) by 10 s.",
    ),
    (
        _alerts(AtroposPoolAtMaximum={"threshold": 3}),
        "monitoring.prometheusRule.alerts.AtroposPoolAtMaximum: this alert has no threshold that could be changed.",
    ),
]
#: What only a cluster can lack, so that no values reach it.
OF_THE_CLUSTER = "KEDA is not installed in this cluster"

NOT_IN_THE_SCHEMA: list[tuple[dict[str, Any], str]] = [
    ({"replicas": 3}, "'replicas' not allowed"),
    ({"api": {"replica": 3}}, "'replica' not allowed"),
    ({"api": {"image": {"repo": "atropos-api"}}}, "'repo' not allowed"),
    ({"api": {"resources": {"request": {}}}}, "'request' not allowed"),
    ({"workerDefaults": {"queue": "default"}}, "'queue' not allowed"),
    (_pool(concurency=2), "'concurency' not allowed"),
    (_pool(keda={"enabled": False}), "'enabled' not allowed"),
    ({"migrate": {"sidecars": []}}, "'sidecars' not allowed"),
    ({"settings": {"lease_secs": 60}}, "'lease_secs' not allowed"),
    ({"settings": {"database_url": "postgresql://database"}}, "'database_url' not allowed"),
    ({"settings": {"storage_url": "s3://files"}}, "'storage_url' not allowed"),
    ({"settings": {"storage_endpoint": "http://minio:9000"}}, "'storage_endpoint' not allowed"),
    ({"settings": {"storage_region": "eu-central-1"}}, "'storage_region' not allowed"),
    ({"storage": {"url": "file:///files"}}, "/storage/url': 'file:///files' does not match pattern"),
    ({"storage": {"endpoint": "minio:9000"}}, "/storage/endpoint': 'minio:9000' does not match pattern"),
    ({"storage": {"persistence": {"accessModes": ["ReadOnlyMany"]}}}, "accessModes/0': value must be one of"),
    ({"storage": {"persistence": {"accessModes": []}}}, "accessModes': minItems: got 0, want 1"),
    ({"settings": {"lease_seconds": [60]}}, "/settings/lease_seconds': got array"),
    ({"postgresql": {"presistence": {}}}, "'presistence' not allowed"),
    ({"redis": {"auth": {"username": "tasks"}}}, "'username' not allowed"),
    ({"api": {"image": {"tag": 1.0}}}, "/api/image/tag': got number, want string"),
    ({"api": {"image": {"digest": "sha256:abc"}}}, "/api/image/digest': 'sha256:abc' does not match pattern"),
    ({"api": {"image": {"pullPolicy": "Sometimes"}}}, "/api/image/pullPolicy': value must be one of"),
    ({"api": {"service": {"port": 0}}}, "/api/service/port': minimum: got 0, want 1"),
    ({"externalRedis": {"port": 65536}}, "/externalRedis/port': maximum: got 65,536, want 65,535"),
    ({"api": {"service": {"type": "ExternalName"}}}, "/api/service/type': value must be one of"),
    ({"api": {"ingress": {"path": "tasks"}}}, "/api/ingress/path': 'tasks' does not match pattern"),
    ({"api": {"ingress": {"hosts": ["https://tasks"]}}}, "/api/ingress/hosts/0': 'https://tasks' does not match"),
    ({"api": {"podDisruptionBudget": {"maxUnavailable": "half"}}}, "maxUnavailable': 'half' does not match pattern"),
    ({"api": {"podDisruptionBudget": {"maxUnavailable": "101%"}}}, "maxUnavailable': '101%' does not match pattern"),
    ({"api": {"resources": {"limits": {"memory": "1 GB"}}}}, "/limits/memory': '1 GB' does not match pattern"),
    ({"api": {"extraEnv": [{"value": "1"}]}}, "/api/extraEnv/0': missing property 'name'"),
    ({"api": {"tolerations": {"key": "dedicated"}}}, "/api/tolerations': got object, want array"),
    (_pool(autoscaling="vpa"), "/workers/default/autoscaling': value must be one of"),
    (_pool(concurrency=0), "/workers/default/concurrency': minimum: got 0, want 1"),
    (_pool(concurrency=1001), "/workers/default/concurrency': maximum: got 1,001, want 1,000"),
    (_pool(minReplicas=-1), "/workers/default/minReplicas': minimum: got -1, want 0"),
    (_pool(maxReplicas="10"), "/workers/default/maxReplicas': got string, want integer"),
    (_pool(queues=["a,b"]), "/workers/default/queues/0': 'a,b' does not match pattern"),
    (_pool(queues=["a", "a"]), "/workers/default/queues': items at 0 and 1 are equal"),
    ({"workers": {"Media": {}}}, "'Media' does not match pattern"),
    ({"workers": {"a" * 31: {}}}, "maxLength: got 31, want 30"),
    ({"commonLabels": {"app.kubernetes.io/name": "tasks"}}, "invalid propertyName 'app.kubernetes.io/name'"),
    ({"commonLabels": {"team": "our team"}}, "/commonLabels/team': 'our team' does not match pattern"),
    ({"fullnameOverride": "Tasks"}, "/fullnameOverride': 'Tasks' does not match pattern"),
    ({"externalDatabase": {"tls": {"mode": "on"}}}, "/externalDatabase/tls/mode': value must be one of"),
    ({"keda": {"pollingInterval": 0}}, "/keda/pollingInterval': minimum: got 0, want 1"),
    ({"networkPolicy": {"kedaNamespace": ""}}, "/networkPolicy/kedaNamespace': '' does not match pattern"),
    (_alerts(AtroposTaskFails={}), "invalid propertyName 'AtroposTaskFails'"),
    (_alerts(AtroposTasksFail={"for": "5"}), "/alerts/AtroposTasksFail/for': '5' does not match pattern"),
    ({"monitoring": {"podMonitor": {"interval": "15"}}}, "/podMonitor/interval': '15' does not match pattern"),
    ({"monitoring": {"tracing": {"endpoint": "jaeger:4318"}}}, "/tracing/endpoint': 'jaeger:4318' does not match"),
    ({"monitoring": {"tracing": {"sampleRatio": 1.5}}}, "/tracing/sampleRatio': maximum: got 1.5, want 1"),
    ({"backup": {"schedule": "daily"}}, "/backup/schedule': 'daily' does not match pattern"),
    ({"backup": {"persistence": {"size": 10}}}, "/backup/persistence/size': got number, want string"),
    ({"postgresql": {"auth": {"username": "o neill"}}}, "/auth/username': 'o neill' does not match pattern"),
]


def _refusal(values: dict[str, Any], apis: tuple[str, ...] = ()) -> str:
    with pytest.raises(helm_python.HelmError) as refusal:
        render(values, apis=apis)
    return str(refusal.value)


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTIONS, ids=[sentence for _, sentence in CONTRADICTIONS])
def test_contradictions_are_refused(values: dict[str, Any], sentence: str) -> None:
    """The sentence names the values that do not fit together."""
    assert sentence in _refusal(values)


def test_a_cluster_without_keda_is_refused() -> None:
    """A cluster tells its kinds, those of its own API server too; `helm template` tells none of them."""
    assert OF_THE_CLUSTER in _refusal({}, ("apiregistration.k8s.io/v1",))


def test_every_contradiction_is_tested() -> None:
    """Each sentence of _validate.tpl is in the tests above."""
    source = (CHART / "templates/_validate.tpl").read_text()
    sentences = re.findall(r'fail \(?(?:printf )?"([^"]+)"', source)
    assert source.count("fail ") == len(sentences)
    patterns = [re.sub(r"%[sd]", ".+", re.escape(sentence)) for sentence in sentences]
    refusals = [_refusal(values) for values, _ in CONTRADICTIONS] + [_refusal({}, ("apiregistration.k8s.io/v1",))]
    assert [pattern for pattern in patterns if not any(re.search(pattern, refusal) for refusal in refusals)] == []


@pytest.mark.parametrize(("values", "part"), NOT_IN_THE_SCHEMA, ids=[part for _, part in NOT_IN_THE_SCHEMA])
def test_what_is_not_in_the_schema_is_refused(values: dict[str, Any], part: str) -> None:
    """The message names the value and what it should be."""
    assert part in _refusal(values)
