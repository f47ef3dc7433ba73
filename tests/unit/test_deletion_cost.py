"""When a pod's deletion cost is written, and what is sent to Kubernetes."""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from atropos_worker import deletion_cost
from atropos_worker.deletion_cost import ANNOTATION, IDLE_SECONDS, DeletionCost, write_to_pod


class Pod:
    """A scripted number of running tasks, and a Kubernetes that takes what is written or fails as told."""

    def __init__(self) -> None:
        self.running = 0
        self.written: list[int] = []
        self.failures = 0
        self.keeps_what_fails = False
        self.cost = DeletionCost(lambda: self.running, self._write)

    def _write(self, cost: int) -> None:
        if not self.failures or self.keeps_what_fails:
            self.written.append(cost)
        if self.failures:
            self.failures -= 1
            raise TimeoutError("Kubernetes is away")

    def look(self, now: float, *, running: int) -> list[int]:
        """What was written until now."""
        self.running = running
        self.cost.look(now)
        return self.written


@pytest.fixture
def pod() -> Pod:
    return Pod()


def test_an_idle_pod_says_so_once(pod: Pod) -> None:
    """The first look writes, as nobody knows what an earlier container of the pod wrote."""
    assert pod.look(0, running=0) == [0]
    assert pod.look(100, running=0) == [0]


def test_a_busy_pod_says_so_at_once(pod: Pod) -> None:
    """With the first task; more of them change nothing."""
    pod.look(0, running=0)
    assert pod.look(1, running=1) == [0, 1]
    assert pod.look(2, running=3) == [0, 1]
    assert pod.look(3, running=1) == [0, 1]


def test_a_pod_is_idle_only_after_a_while(pod: Pod) -> None:
    """Counted from the last look that saw a task."""
    pod.look(10, running=2)
    pod.look(20, running=1)
    assert pod.look(20 + IDLE_SECONDS - 0.1, running=0) == [2]
    assert pod.look(20 + IDLE_SECONDS, running=0) == [2, 0]


def test_short_tasks_in_a_row_cost_one_write(pod: Pod) -> None:
    """Gaps between them are no idleness."""
    for now in range(0, 100, 2):
        pod.look(now, running=now // 2 % 2)
    assert pod.written == [0, 1]


def test_a_failed_write_is_tried_again(pod: Pod) -> None:
    """By the next look, with what runs then."""
    pod.look(0, running=0)
    pod.failures = 1
    with pytest.raises(TimeoutError):
        pod.look(1, running=1)
    assert pod.look(6, running=2) == [0, 2]


def test_a_pod_that_became_idle_is_not_forgotten_when_the_write_fails(pod: Pod) -> None:
    """The cost of a busy pod does not stay with an idle one."""
    pod.look(0, running=1)
    pod.failures = 2
    for now in (10, 15):
        with pytest.raises(TimeoutError):
            pod.look(now, running=0)
    assert pod.look(20, running=0) == [1, 0]


def test_a_write_without_an_answer_may_have_been_taken(pod: Pod) -> None:
    """After it nobody knows what the pod has: an idle pod says so once more."""
    pod.look(0, running=0)
    pod.failures, pod.keeps_what_fails = 1, True
    with pytest.raises(TimeoutError):
        pod.look(1, running=1)
    assert pod.look(1 + IDLE_SECONDS, running=0) == [0, 1, 0]


class KubernetesServer(HTTPServer):
    """An API of Kubernetes behind TLS that keeps what it is asked, and answers all with `status`."""

    def __init__(self, certificate: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.status = 200
        self.asked: list[tuple[str, str, str | None, str | None, object]] = []

    def handle_error(self, *_: object) -> None:
        """A client that does not trust the certificate hangs up: the test looks at the client."""


class Handler(BaseHTTPRequestHandler):
    server: KubernetesServer

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token, content_type = self.headers["Authorization"], self.headers["Content-Type"]
        self.server.asked.append((self.command, self.path, token, content_type, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    certificate, key = directory / "server.crt", directory / "server.key"
    subject = ["-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *made, *subject, *files], check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Made once."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def account(tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Kubernetes mounts into this test's pod, worker-1 of the namespace `tasks`."""
    (tmp_path / "namespace").write_text("tasks")
    (tmp_path / "token").write_text("first")
    shutil.copy(certificate[0], tmp_path / "ca.crt")
    monkeypatch.setattr(deletion_cost, "ACCOUNT", tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "worker-1")
    return tmp_path


@pytest.fixture
def kubernetes(
    account: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[KubernetesServer]:
    """Where the pod finds its Kubernetes."""
    with KubernetesServer(*certificate) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_pod_of_this_process_is_annotated(kubernetes: KubernetesServer) -> None:
    """One merge patch of the annotation alone, with the token of the service account."""
    write_to_pod(3)
    patch = {"metadata": {"annotations": {ANNOTATION: "3"}}}
    path = "/api/v1/namespaces/tasks/pods/worker-1"
    assert [("PATCH", path, "Bearer first", "application/merge-patch+json", patch)] == kubernetes.asked


def test_a_token_that_was_renewed_is_used(kubernetes: KubernetesServer, account: Path) -> None:
    """Kubernetes replaces the file while the pod runs."""
    write_to_pod(1)
    (account / "token").write_text("second")
    write_to_pod(0)
    assert [token for _, _, token, _, _ in kubernetes.asked] == ["Bearer first", "Bearer second"]


def test_a_refusal_is_an_error(kubernetes: KubernetesServer) -> None:
    """403, as of a service account without the role, is raised for the thread to log and try again."""
    kubernetes.status = 403
    with pytest.raises(HTTPError, match="403"):
        write_to_pod(1)


def test_a_stranger_does_not_get_the_token(kubernetes: KubernetesServer, account: Path, tmp_path: Path) -> None:
    """Nothing is sent to a server whose certificate is not of the cluster's authority."""
    (tmp_path / "other").mkdir()
    other, _ = make_certificate(tmp_path / "other")
    shutil.copy(other, account / "ca.crt")
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        write_to_pod(1)
    assert kubernetes.asked == []
