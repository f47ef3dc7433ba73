"""The web page, where the API itself serves it and its calls below `/api`; main.py installs both."""

from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from atropos_core.settings import Settings

#: Where the page finds the API on its own origin, here as behind the nginx of frontend/.
API_PREFIX = "/api"
#: Of every file of the page; frontend/nginx sends the same, and a test compares. The scripts and styles that a static
#: export of Next.js writes into its HTML have neither nonces nor hashes, hence `unsafe-inline`.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
#: The names of these files change with their content.
IMMUTABLE_FOLDER = "_next/static/"
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"


class ApiPrefix:
    """Serves what is at `/tasks` at `/api/tasks` too, as a proxy's `root_path`: links and redirects keep the prefix."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_below_prefix(scope):
            scope = {**scope, "root_path": API_PREFIX}
        await self.app(scope, receive, send)


def is_below_prefix(scope: Scope) -> bool:
    """Whether this asks for the API below `/api`, where the page has nothing."""
    path: str = scope["path"]
    return path.startswith(f"{API_PREFIX}/")


class Page(StaticFiles):
    """The files of a static export. Who asks for no HTML gets problem documents for what is not there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if is_below_prefix(scope) or scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await super().get_response(path, scope)
        if response.status_code == HTTPStatus.NOT_FOUND and "text/html" not in Headers(scope=scope).get("accept", ""):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        immutable = path.startswith(IMMUTABLE_FOLDER) and response.status_code < HTTPStatus.BAD_REQUEST
        response.headers.update(HEADERS | {"Cache-Control": IMMUTABLE if immutable else REVALIDATED})
        return response


def install(app: FastAPI, settings: Settings) -> None:
    """Serve the page of `page_directory`, if there is one, wherever no route of the API fits.

    Raises RuntimeError when there is no such folder.
    """
    app.add_middleware(ApiPrefix)
    if settings.page_directory is None:
        return
    configuration = {} if settings.trace_url is None else {"traceUrl": settings.trace_url}

    @app.get("/config.json", include_in_schema=False)
    async def get_page_configuration() -> JSONResponse:
        """What the page is told at run time."""
        return JSONResponse(configuration, headers={"Cache-Control": REVALIDATED})

    # Asked last of all: after methods that a route does not have, and redirects to one without a slash.
    app.router.default = Page(directory=settings.page_directory, html=True)
