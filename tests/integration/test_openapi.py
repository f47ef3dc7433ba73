"""The API against its own OpenAPI document: what Schemathesis makes up, valid and not, is answered as written.

No worker runs here: requests made up ask for tasks that would take days.
"""

import json
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Response
from schemathesis.schemas import APIOperation

from atropos_api.main import create_app
from atropos_core.settings import Settings
from tests.stack import Stack
from tests.stored_files import keeping_files

#: In messages of what a document cannot say.
UNSAID = (
    "ten years away",
    "end_seconds must be greater than start_seconds",
    "with a source there is no parameter",
    *("give `source` or `sources`, not both", "`sql` takes the place of", "`group_by` needs `aggregates`"),
    *("names of `sources` must differ", "several `sources` need `join` or `sql`", "`join` needs two `sources`"),
    *("a scatter chart shows each row", "needs `y`"),
)
ENDLESS = ["/events", "/tasks/{task_id}/events"]
document = create_app(Settings()).openapi()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that takes tasks and runs none."""
    with keeping_files(tmp_path_factory.mktemp("openapi")) as alone:
        alone.start("api")
        alone.wait_for_api()
        yield alone


# The event streams are left out because they do not end; test_api_events.py reads them.
operations = schemathesis.openapi.from_dict(document).exclude(path=ENDLESS)


def is_beyond_json_schema(response: Response) -> bool:
    """Whether a request was refused for what a document cannot say.

    That is: `run_at` at most ten years from now; a task to depend on that does not exist; a key that came with another
    request before; NUL characters anywhere in parameters of free form, which jsonb cannot hold (test_lifecycle.py says
    what exactly is refused); which parameters of a video, a table or a report make sense together; and that 3.0, an
    integer to JSON Schema, is none to us, because request models take no value for another type's.
    """
    problem = response.json() if response.status_code == 422 else {}
    errors = problem.get("errors") or ()
    unsaid: bool = problem.get("type", "").endswith(
        (":idempotency-key-reused", ":value-not-storable", ":dependency-not-found")
    )
    return unsaid or (
        bool(errors)
        and all(error["type"] == "int_type" or any(words in error["message"] for words in UNSAID) for error in errors)
    )


@operations.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_every_operation_does_what_the_document_says(case: schemathesis.Case, api: Stack) -> None:
    """Status codes, media types, headers and bodies are the documented ones, and only what is valid is accepted."""
    response = case.call(base_url=api.api_url)
    unsaid = [schemathesis.checks.positive_data_acceptance] if is_beyond_json_schema(response) else []
    case.validate_response(response, excluded_checks=unsaid)


@pytest.mark.parametrize(
    "operation", [found.ok() for found in operations.get_all_operations()], ids=lambda operation: operation.label
)
def test_every_operation_has_examples_that_fit(operation: APIOperation) -> None:
    """The document shows a request and each answer of every call, and they fit their own schemas."""
    raw = operation.definition.raw
    for media_type in raw.get("requestBody", {}).get("content", {}).values():
        assert media_type.get("example") or media_type.get("examples")
    request = httpx.Request(operation.method.upper(), "http://example.test" + operation.path)
    for status, response in raw["responses"].items():
        for name, media_type in response.get("content", {}).items():
            content = json.dumps(media_type["example"])
            answer = httpx.Response(int(status), headers={"Content-Type": name}, content=content, request=request)
            answer.elapsed = timedelta()  # Schemathesis reads it
            operation.validate_response(answer)
