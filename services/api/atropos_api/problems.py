"""RFC 9457 problem documents: every error of the API leaves through here, and none with a stack trace."""

import re
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from atropos_core.db import is_outage
from atropos_core.errors import AtroposError, DatabaseUnavailable
from atropos_core.tracing import current_traceparent

MEDIA_TYPE = "application/problem+json"
#: In front of each slug; the whole is stable, and listed in docs/api.md.
TYPE_PREFIX = "urn:atropos:problem:"
#: Seconds after which a client may try again when a service behind us is away.
RETRY_AFTER = "1"
#: Names that changed in Python 3.13, as RFC 9110 has them: the slugs must not depend on the version. And a 503 that
#: tells more than that a service is away.
PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content", 503: "Overloaded"}

log = structlog.get_logger("atropos.api")


class StreamFinished(Exception):
    """There is nothing left to follow: 204, which tells an EventSource not to reconnect."""


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    location: list[str | int] = Field(description="Where: body, query, path or header, then the names down to it.")
    message: str
    type: str = Field(description="A stable word for what is wrong.")


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable; the words after the last colon name the problem.")
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


AWAY = "The database does not answer; try again."
#: The answer to a commit may be what was lost.
AWAY_MEANWHILE = (
    "The database does not answer, and may have carried this out before: look, or try again, a submission with the "
    "same Idempotency-Key."
)


def problem_response(slug: str, title: str, status: int, detail: str, **extra: Any) -> JSONResponse:
    """The response for one problem."""
    content = {"type": TYPE_PREFIX + slug, "title": title, "status": status, "detail": detail, **extra}
    headers = {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _domain_error(_: Request, error: AtroposError) -> Response:
    return problem_response(error.slug, error.title, error.status, error.detail, **error.extra)


def http_problem(status: int, detail: str) -> JSONResponse:
    """The response for a problem that HTTP itself has a name for."""
    phrase = PHRASES.get(status) or HTTPStatus(status).phrase
    return problem_response(phrase.lower().replace(" ", "-"), phrase, status, detail)


def _http_error(request: Request, error: HTTPException) -> Response:
    response = http_problem(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request.app, path)):
        # The router names the methods of the first route that fits only: of GET /tasks, not of POST /tasks.
        response.headers["Allow"] = ", ".join(methods)
    return response


def _methods(app: FastAPI, path: str) -> list[str]:
    """What the document says that can be done with the path."""
    documented = app.openapi()["paths"]
    templates = (re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)) for template in documented)
    fitting = [
        operations
        for template, operations in zip(templates, documented.values(), strict=True)
        if re.fullmatch(template, path)
    ]
    exact = documented.get(path)
    return [method.upper() for method in (exact or (fitting[0] if fitting else {}))]


def _invalid_request(_: Request, error: RequestValidationError) -> Response:
    errors = [
        {"location": list(found["loc"]), "message": found["msg"], "type": found["type"]}
        for found in error.errors()[:100]
    ]
    where = ".".join(str(part) for part in errors[0]["location"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    detail = f"{where}: {errors[0]['message']}{more}"
    return problem_response("invalid-request", "The request is not valid", 422, detail, errors=errors)


def _database_error(request: Request, error: Exception) -> Response:
    if is_outage(error) or isinstance(error, PoolTimeoutError):
        log.warning("atropos.api.database_unavailable", error=str(getattr(error, "orig", error)))
        away = DatabaseUnavailable(AWAY if request.method in {"GET", "HEAD"} else AWAY_MEANWHILE)
        return problem_response(away.slug, away.title, away.status, away.detail)
    return _unexpected(request, error)


def _unexpected(_: Request, error: Exception) -> Response:
    log.error("atropos.api.unexpected_error", exc_info=error)
    response = problem_response("internal-error", "Something went wrong", 500, "The error is in the log of the API.")
    # This one leaves past the middlewares.
    if (traceparent := current_traceparent()) is not None:
        response.headers["traceparent"] = traceparent
    return response


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    handlers: list[tuple[type[Exception], Any]] = [
        (AtroposError, _domain_error),
        (RequestValidationError, _invalid_request),
        (HTTPException, _http_error),
        (DBAPIError, _database_error),
        (PoolTimeoutError, _database_error),
        (StreamFinished, lambda *_: Response(status_code=204)),
        (Exception, _unexpected),
    ]
    for error, handler in handlers:
        app.add_exception_handler(error, handler)
