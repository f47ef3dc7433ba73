"""What Kubernetes says of this release's worker pods and their pools; routes/stats.py shows it."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import structlog
from pydantic import BaseModel, Field

from atropos_core.settings import Settings

# The package takes half a second and many megabytes: imported when it is first needed, and never outside Kubernetes.
if TYPE_CHECKING:
    from kubernetes.client import ApiClient, ApiException, Configuration

POOL_LABEL = "atropos/pool"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
PAUSED = "autoscaling.keda.sh/paused"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
#: Each request to the Kubernetes API may take this long.
REQUEST_SECONDS = 2.0
#: A view is shown for this long, so that many viewers cost one look.
FRESH_SECONDS = 2.0
#: While one thread looks anew, the others show a view of at most this age rather than wait.
USABLE_SECONDS = 10.0
#: Of each kind, at most this many are read.
LIMIT = 500

Document = dict[str, Any]
log = structlog.get_logger("atropos.api")


class PodView(BaseModel):
    """A worker pod of this release."""

    name: str = Field(description="Its worker process has this as `hostname`.")
    pool: str | None = Field(description=f"Its label `{POOL_LABEL}`.")
    phase: str = Field(description="Pending, Running, Succeeded, Failed or Unknown, as Kubernetes has it.")
    ready: bool
    terminating: bool = Field(description="It was told to go, and finishes what it runs.")
    node: str | None = Field(description="Null until it is scheduled.")
    restarts: int = Field(description="Of all its containers together.")
    deletion_cost: int | None = Field(description="A scale-in takes pods with the lowest first; null counts as 0.")
    started_at: datetime | None
    waiting_reason: str | None = Field(description="Why it is not up: `ImagePullBackOff: Back-off pulling …`.")

    @classmethod
    def of(cls, pod: Document) -> Self:
        """The view of a Pod."""
        metadata, status = pod["metadata"], pod["status"]
        containers = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
        return cls(
            name=metadata["name"],
            pool=metadata.get("labels", {}).get(POOL_LABEL),
            phase=status["phase"],
            ready=_conditions(pod).get("Ready", {}).get("status") == "True",
            terminating="deletionTimestamp" in metadata,
            node=pod["spec"].get("nodeName"),
            restarts=sum(container["restartCount"] for container in containers),
            deletion_cost=metadata.get("annotations", {}).get(DELETION_COST),
            started_at=status.get("startTime"),
            waiting_reason=_waiting_reason(pod, containers),
        )


class PoolView(BaseModel):
    """The worker Deployment of a pool, and the ScaledObject that scales it if there is one."""

    pool: str = Field(description=f"Its label `{POOL_LABEL}`.")
    desired: int = Field(description="Pods it should have now.")
    current: int = Field(description="Pods it has, without those that terminate.")
    ready: int
    minimum: int | None = Field(None, description="Pods it is scaled down to; this and all below is null unscaled.")
    maximum: int | None = Field(None, description="Pods it is scaled up to.")
    active: bool | None = Field(None, description="There is work that keeps it above none.")
    fallback: bool | None = Field(None, description="Its size is the fallback, as its queue could not be measured.")
    paused: bool | None = Field(None, description="Somebody paused its scaling.")
    scaler_ready: bool | None = Field(None, description="KEDA can scale it.")
    scaler_message: str | None = Field(None, description="Why KEDA cannot.")

    @classmethod
    def of(cls, deployment: Document) -> Self:
        """The view of a Deployment that is not scaled."""
        return cls(
            pool=deployment["metadata"]["labels"][POOL_LABEL],
            desired=deployment["spec"]["replicas"],
            current=deployment["status"].get("replicas", 0),
            ready=deployment["status"].get("readyReplicas", 0),
        )


@dataclass(frozen=True)
class ClusterView:
    """One look; a list is None if it could not be read, and `problem` says why, in one sentence for people."""

    pods: list[PodView] | None
    pools: list[PoolView] | None
    problem: str | None


class Cluster:
    """The one client of Kubernetes in this process; it connects when it is first asked."""

    def __init__(
        self,
        settings: Settings,
        *,
        configure: "Callable[[Configuration], None] | None" = None,
        timeout: float = REQUEST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`configure` sets where the API of Kubernetes is, by default as in a pod; `timeout` is in seconds."""
        self._selector = settings.kubernetes_selector
        self._namespace = settings.kubernetes_namespace
        self._configure = configure
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._view: ClusterView | None = None
        self._looked_at = float("-inf")

    def look(self) -> ClusterView | None:
        """Pods and pools as of at most some seconds ago; None if the settings select none. Raises nothing."""
        if self._selector is None:
            return None
        age = self._clock() - self._looked_at
        # A Kubernetes that hangs holds one thread of the server: the others answer from the last view.
        if age < FRESH_SECONDS or not self._lock.acquire(blocking=age >= USABLE_SECONDS):
            return self._view
        try:
            if self._clock() - self._looked_at >= FRESH_SECONDS:
                self._view = self._ask(self._selector)
                self._looked_at = self._clock()
            return self._view
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]

    def _ask(self, selector: str) -> ClusterView:
        from kubernetes.client import ApiException
        from kubernetes.config import ConfigException
        from urllib3.exceptions import HTTPError

        found: dict[str, list[Any]] = {}
        problems: list[str] = []
        try:
            calls = self._calls(selector)
        except (ConfigException, OSError) as error:
            return ClusterView(None, None, f"The API cannot ask Kubernetes: {error}")
        for kind, call in calls.items():
            try:
                found[kind], more = call()
                problems += [f"of the {kind}, only the first {LIMIT} are shown"] if more else []
            except ApiException as error:
                # Without KEDA there is no such kind: pools of a fixed size need none.
                if (kind, error.status) != ("ScaledObjects", 404):
                    problems.append(_refusal(kind, error))
            except HTTPError as error:
                log.warning("atropos.api.kubernetes_away", kind=kind, error=str(error))
                problems.append(f"its API does not answer (asked for {kind})")
                break  # the next question would hang for as long
            except Exception as error:  # a stranger's document must not take /workers and /stats away
                log.error("atropos.api.kubernetes_unclear", kind=kind, exc_info=error)
                problems.append(f"its {kind} cannot be read, as the log of the API tells")
        problem = f"Kubernetes does not tell all: {'; '.join(problems)}." if problems else None
        scalers = {scaler["pool"]: scaler for scaler in found.get("ScaledObjects", [])}
        pools = [pool.model_copy(update=scalers.get(pool.pool, {})) for pool in found.get("Deployments", [])]
        return ClusterView(found.get("pods"), pools if "Deployments" in found else None, problem)

    def _calls(self, selector: str) -> dict[str, Callable[[], tuple[list[Any], bool]]]:
        """By kind, what lists it. Raises ConfigException or OSError outside Kubernetes."""
        from kubernetes.client import AppsV1Api, CoreV1Api, CustomObjectsApi

        client = self._connect()
        namespace = self._namespace or NAMESPACE_FILE.read_text().strip()
        pods: Document = {"namespace": namespace, "label_selector": selector, "limit": LIMIT}
        # Raw, as the client refuses to make its own objects of documents that lack a field it holds to be required.
        pods |= {"_preload_content": False, "_request_timeout": self._timeout}
        pools = pods | {"label_selector": f"{selector},{POOL_LABEL}"}
        keda = pools | {"group": "keda.sh", "version": "v1alpha1", "plural": "scaledobjects"}
        return {
            "pods": lambda: _listed(CoreV1Api(client).list_namespaced_pod(**pods), PodView.of),
            "Deployments": lambda: _listed(AppsV1Api(client).list_namespaced_deployment(**pools), PoolView.of),
            "ScaledObjects": lambda: _listed(CustomObjectsApi(client).list_namespaced_custom_object(**keda), _scaler),
        }

    def _connect(self) -> "ApiClient":
        from kubernetes.client import ApiClient, Configuration
        from kubernetes.config import load_incluster_config

        if self._client is None:
            configuration = Configuration()
            (self._configure or load_incluster_config)(configuration)
            configuration.retries = False  # by default, three more wait for as long
            self._client = ApiClient(configuration)
        return self._client


def _refusal(kind: str, error: "ApiException") -> str:
    reasons = {
        0: f"no secure connection to its API comes about (asked for {kind})",
        403: f"the service account of the API may not list {kind}",
    }
    return reasons.get(error.status, f"its answer for {kind} is {error.status} {error.reason}")


def _listed(response: Any, parse: Callable[[Document], Any]) -> tuple[list[Any], bool]:
    """What a list holds, and whether there is more than that."""
    document = json.loads(response.data)
    return [parse(item) for item in document["items"]], bool(document["metadata"].get("continue"))


def _conditions(document: Document) -> dict[str, Document]:
    return {condition["type"]: condition for condition in document.get("status", {}).get("conditions", [])}


def _waiting_reason(pod: Document, containers: Iterable[Document]) -> str | None:
    conditions = _conditions(pod)
    waiting = [conditions["PodScheduled"]] if conditions.get("PodScheduled", {}).get("status") == "False" else []
    waiting += [container["state"]["waiting"] for container in containers if "waiting" in container["state"]]
    return ": ".join(waiting[0][part] for part in ("reason", "message") if part in waiting[0]) if waiting else None


def _scaler(scaled_object: Document) -> Document:
    """What a ScaledObject adds to the PoolView of its pool; the defaults are those of KEDA's reference."""
    spec, annotations = scaled_object["spec"], scaled_object["metadata"].get("annotations", {})
    conditions = _conditions(scaled_object)
    states = {name: {"True": True, "False": False}.get(found["status"]) for name, found in conditions.items()}
    told_to_pause = annotations.get(PAUSED, "false").lower() != "false" or f"{PAUSED}-replicas" in annotations
    return {
        "pool": scaled_object["metadata"]["labels"][POOL_LABEL],
        "minimum": spec.get("minReplicaCount", 0),
        "maximum": spec.get("maxReplicaCount", 100),
        "active": states.get("Active"),
        "fallback": states.get("Fallback"),
        "paused": told_to_pause or states.get("Paused") is True,
        "scaler_ready": states.get("Ready"),
        "scaler_message": None if states.get("Ready") else conditions.get("Ready", {}).get("message"),
    }
