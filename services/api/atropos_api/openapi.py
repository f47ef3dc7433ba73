"""The OpenAPI document, with problem documents where FastAPI would describe its own errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from atropos_api.problems import MEDIA_TYPE, Problem

#: What an operation may answer besides what it declares, by the kind of its input.
ALWAYS = {"503": "The database does not answer."}
WITH_PATH = {"404": "There is no such task."}
WITH_BODY = {"400": "The body cannot be read.", "413": "The body is too large.", "415": "The body is not JSON."}
WITH_INPUT = {"422": "The request is not valid."}
CONFLICTS = {"get_result": "It has not ended.", "cancel_task": "It has ended.", "retry_task": "It did not fail."}


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
    return schema


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
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        declared.update(content=content, description=description)
