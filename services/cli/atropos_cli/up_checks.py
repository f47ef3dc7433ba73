"""What must hold before `atropos up` starts and what tells that it runs; called by up.py."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from atropos_cli.embedded.ports import is_free

REQUEST_SECONDS = 5.0
#: The root of the repository, where this runs from a checkout of it.
CHECKOUT = Path(__file__).resolve().parents[3]


class Refused(Exception):
    """`atropos up` cannot start here; the message says why and what to change."""


@contextmanager
def only_one(data_directory: Path) -> Iterator[None]:
    """Hold the data folder's lock; raise Refused when another `atropos up` does."""
    try:
        data_directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data_directory / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(f"cannot use the data folder {data_directory}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode() or "unknown"
        raise Refused(
            f"atropos up already runs on the data folder {data_directory} (process {holder}): stop it, or choose"
            " another folder with --data-directory"
        ) from error
    finally:
        os.close(descriptor)


def require_free_port(host: str, port: int) -> None:
    """Raise Refused when the API could not listen on `host`:`port`."""
    try:
        free = is_free(port, host)
    except OSError as error:
        raise Refused(f"the API cannot listen on {host}: {error.strerror}; change it with --host") from error
    if not free:
        raise Refused(
            f"port {port} on {host} is taken: stop what uses it, or choose another with --port or ATROPOS_API_PORT"
        )


def local_url(host: str, port: int) -> str:
    """Return the address at which this machine reaches an API that listens on `host`:`port`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def takes_and_runs_tasks(client: httpx.Client) -> bool:
    """Return whether the API is ready and sees a dispatcher and a worker at work."""
    try:
        if client.get("/readyz").status_code != httpx.codes.OK:
            return False
        health = client.get("/health").json()
        return bool(health["status"] == "ok" and health["workers"]["active"] >= 1)
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def built_page(checkout: Path = CHECKOUT) -> Path | None:
    """Return the folder in which `make page` has left the page, None without a page or a checkout."""
    folder = checkout / "frontend" / "out"
    return folder if (folder / "index.html").is_file() else None


def serves_page(client: httpx.Client) -> bool:
    """Return whether the API has a built page to show at its root."""
    try:
        answer = client.get("/")
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and "html" in answer.headers.get("content-type", "")
