"""The API with a page: the page's files beside every route of the API, and all of those below `/api` too."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from atropos_api.main import create_app
from atropos_api.page import HEADERS
from atropos_core.settings import Settings
from tests.page.stand_in import FILES, write_page
from tests.stack import Stack

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TRACE_URL = "http://localhost:16686/trace/{trace_id}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API that serves a page, and runs no task."""
    folder = tmp_path_factory.mktemp("page")
    served = Stack(folder, page_directory=str(write_page(folder / "out")), trace_url=TRACE_URL)
    try:
        served.start_servers().start("api")
        served.wait_for_api()
        yield served
    finally:
        served.stop()


@pytest.mark.parametrize(
    ("path", "file"), [("/", "index.html"), ("/task/?id=1", "task/index.html"), ("/icon.svg", "icon.svg")]
)
def test_files_are_served(page: Stack, path: str, file: str) -> None:
    """As they are, to be asked for anew each time, and with the headers that keep others out."""
    answer = page.http.get(path)
    assert (200, FILES[file]) == (answer.status_code, answer.text)
    expected = HEADERS | {"Cache-Control": "no-cache"}
    assert expected == {name: answer.headers[name] for name in expected}


def test_files_with_a_hash_in_their_name_are_kept(page: Stack) -> None:
    """For a year without asking, unless they are not there."""
    answer = page.http.get("/_next/static/chunks/main-0123abcd.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    missing = page.http.get("/_next/static/chunks/main-4567abcd.js", headers=HTML)
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-cache")


def test_what_is_unchanged_is_not_sent_again(page: Stack) -> None:
    """304, still to be asked for anew."""
    answer = page.http.get("/", headers={"If-None-Match": page.http.get("/").headers["etag"]})
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (304, b"", "no-cache")


def test_a_slash_is_added(page: Stack) -> None:
    """A page without its last slash is sent on, query and all."""
    assert page.http.get("/task?id=1").headers["location"] == f"{page.api_url}/task/?id=1"


def test_people_get_a_page_for_what_is_not_there(page: Stack) -> None:
    """The page's own, with 404."""
    answer = page.http.get("/nothing", headers=HTML)
    assert (404, FILES["404.html"]) == (answer.status_code, answer.text)


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [("GET", "/nothing", "*/*"), ("POST", "/nothing", "*/*"), ("GET", "/api/nothing", HTML["Accept"])],
)
def test_programs_get_a_problem_for_what_is_not_there(page: Stack, method: str, path: str, accept: str) -> None:
    """As without a page; below `/api` whatever they accept."""
    answer = page.http.request(method, path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/api/", "/api/index.html", "/../secret", "/%2e%2e/secret", "/task/..%2f..%2fsecret"])
def test_nothing_else_is_served(page: Stack, path: str) -> None:
    """The page is not below `/api`, and nothing outside of its folder is served."""
    (page.directory / "secret").write_text("secret")
    assert page.http.get(path).status_code == 404


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_routes_come_before_the_page(page: Stack, prefix: str) -> None:
    """Methods that a route does not have, and slashes too many, are answered as without a page."""
    refused = page.http.delete(f"{prefix}/tasks")
    assert (405, {"GET", "POST"}) == (refused.status_code, set(refused.headers["allow"].split(", ")))
    assert page.http.get(f"{prefix}/tasks/").headers["location"] == f"{page.api_url}{prefix}/tasks"
    assert page.http.get(f"{prefix}/tasks", headers=HTML).headers["content-type"] == "application/json"


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_location_can_be_followed(page: Stack, prefix: str) -> None:
    """A task that was submitted below `/api` is found there: a proxy may pass on nothing else."""
    answer = page.http.post(f"{prefix}/tasks", json={"task_type": "default"})
    assert answer.headers["location"] == f"{prefix}/tasks/{answer.json()['task_id']}"
    assert page.http.get(answer.headers["location"]).json()["task_id"] == answer.json()["task_id"]


def test_the_document_below_the_prefix_says_so(page: Stack) -> None:
    """`/api/docs` reads a document whose server is `/api`; the other has none."""
    assert '"/api/openapi.json"' in page.http.get("/api/docs").text.replace("'", '"')
    below, above = (page.http.get(f"{prefix}/openapi.json").json() for prefix in ("/api", ""))
    assert below.pop("servers") == [{"url": "/api"}]
    assert below == above


def test_the_page_and_its_prefix_are_not_in_the_document(page: Stack, stack: Stack) -> None:
    """OpenAPI describes the API alone."""
    assert page.http.get("/openapi.json").json() == stack.http.get("/openapi.json").json()


def test_requests_are_counted_by_route(page: Stack) -> None:
    """`/api/tasks` counts as `/tasks`, a probe not at all, and all files of the page as one."""
    for path in ("/api/tasks", "/api/livez", "/task/", "/icon.svg"):
        assert page.http.get(path).status_code == 200
    metrics = page.http.get("/api/metrics").text
    assert 'http_requests_total{handler="/tasks",method="GET",status="200"}' in metrics
    assert 'http_requests_total{handler="none",method="GET",status="200"}' in metrics
    counted = [line for line in metrics.splitlines() if 'status="200"' in line]
    assert not [line for line in counted if any(name in line for name in ("/api", "livez", "icon"))]


def test_the_page_is_told_where_traces_are(page: Stack) -> None:
    """At run time, so that one build fits all places."""
    answer = page.http.get("/config.json")
    assert (answer.json(), answer.headers["cache-control"]) == ({"traceUrl": TRACE_URL}, "no-cache")


def test_without_a_page_only_the_api_is_there(stack: Stack) -> None:
    """Also below `/api`, and nothing at the root."""
    assert stack.http.get("/api/livez").json() == {"status": "ok"}
    for path in ("/", "/config.json", "/api/config.json"):
        answer = stack.http.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_events_are_followed_below_the_prefix(page: Stack) -> None:
    """They are what the page lives on."""
    with page.http.stream("GET", "/api/events") as answer:
        first = next(answer.iter_lines())
    assert (answer.status_code, first.startswith((":", "id", "retry", "data"))) == (200, True)


def test_a_missing_folder_stops_the_start(tmp_path: Path) -> None:
    """A page that was asked for and is not there is no reason to serve without."""
    with pytest.raises(RuntimeError, match="nowhere"):
        create_app(Settings(page_directory=str(tmp_path / "nowhere")))


def test_an_address_of_traces_needs_a_place_for_the_id() -> None:
    """And is a web address: it becomes a link."""
    for wrong in ("http://localhost:16686", "javascript:alert({trace_id})"):
        with pytest.raises(ValueError, match="trace_url"):
            Settings(trace_url=wrong)
    assert httpx.URL(TRACE_URL.format(trace_id="0" * 32)).path.endswith("0" * 32)
