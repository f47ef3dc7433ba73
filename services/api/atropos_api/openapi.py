"""The OpenAPI document, with problem documents where FastAPI would describe its own errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from atropos_api.examples import ANSWERS, REQUESTS
from atropos_api.problems import MEDIA_TYPE, TYPE_PREFIX, Problem

#: What an operation may answer besides what it declares, by the kind of its input.
ALWAYS = {"503": "The database does not answer."}
WITH_PATH = {"404": "There is no such task."}
WITH_BODY = {"400": "The body cannot be read.", "413": "The body is too large.", "415": "The body is not JSON."}
WITH_INPUT = {"422": "The request is not valid."}
CONFLICTS = {"get_result": "It has not ended.", "cancel_task": "It has ended.", "retry_task": "It did not fail."}
#: The ends of problem types in examples: by status, or by operation and status.
SLUGS = {
    "get_result 409": "task-not-finished",
    "cancel_task 409": "task-not-cancellable",
    "retry_task 409": "task-not-retryable",
    "get_readiness 503": "not-ready",
    "400": "bad-request",
    "404": "task-not-found",
    "413": "content-too-large",
    "415": "unsupported-media-type",
    "422": "invalid-request",
    "503": "database-unavailable",
}

#: One event of a stream, by the standard's field names; `itemSchema` is OpenAPI 3.2's.
SERVER_SENT = {
    "type": "object",
    "properties": {
        "data": {"type": "string"},
        "event": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "minimum": 0},
    },
}


def install(app: FastAPI) -> None:
    """Make `app.openapi` return the document, built once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way


def _build(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = schema["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"), Problem=problem)
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            _describe_errors(path, operation)
            _describe_stream(operation)
            _add_examples(operation)
    return schema


def _add_examples(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    for status, response in operation["responses"].items():
        for media_type in response.get("content", {}).values():
            if "example" not in media_type:
                media_type["example"] = ANSWERS.get(f"{name} {status}") or ANSWERS[name]
    if request := REQUESTS.get(name):
        operation["requestBody"]["content"]["application/json"]["example"] = request


def _describe_stream(operation: dict[str, Any]) -> None:
    content = operation["responses"].get("200", {}).get("content", {})
    if "text/event-stream" in content:
        content["text/event-stream"] = {"itemSchema": SERVER_SENT}


def _describe_errors(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    expected = dict(ALWAYS) if operation["operationId"] != "get_liveness" else {}
    if "{" in path:
        expected |= WITH_PATH
    if "requestBody" in operation:
        expected |= WITH_BODY
    if "requestBody" in operation or operation.get("parameters"):
        expected |= WITH_INPUT
    if conflict := CONFLICTS.get(operation["operationId"]):
        expected["409"] = conflict
    for status, description in expected.items():
        declared = responses.setdefault(status, {})
        declared.setdefault("description", description)
        if status == "503" and "content" in declared:
            continue
        slug = SLUGS.get(f"{operation['operationId']} {status}") or SLUGS[status]
        example = {"type": TYPE_PREFIX + slug, "title": description, "status": int(status), "detail": description}
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
        declared.update(content=content, description=description)
