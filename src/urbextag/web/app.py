"""START HERE: the web app is made of a site, a guard, the pages and the REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from urbextag import __version__
from urbextag.errors import ArchiveError, ConfigError, ModelError, PhotoError, UrbextagError, UsageError
from urbextag.web import api, pages
from urbextag.web.guards import Guard, Policy
from urbextag.web.lookup import NotHere
from urbextag.web.render import page, writable
from urbextag.web.site import Site

DESCRIPTION = """The archive's REST API. Every change that a page makes goes through it.

An error is `{"error": {"message", "remedy"}}`. Long work answers 202 with a `task`; its progress comes by
`GET /api/v1/tasks/{id}` and by the server-sent events of `GET /api/v1/events`.
"""
STATUS: tuple[tuple[type[UrbextagError], HTTPStatus], ...] = (
    (NotHere, HTTPStatus.NOT_FOUND),
    (UsageError, HTTPStatus.BAD_REQUEST),
    (PhotoError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ConfigError, HTTPStatus.CONFLICT),
    (ModelError, HTTPStatus.CONFLICT),
    (ArchiveError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UrbextagError, HTTPStatus.CONFLICT),
)
"""The first that fits."""
AGAIN_SECONDS = 5
"""A page that cannot be had at this moment asks again by itself."""


def make_app(site: Site, policy: Policy) -> Guard:
    """The whole app for one archive; `site` starts and ends with it."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        site.start()
        try:
            yield
        finally:
            site.close()

    app = FastAPI(
        title="urbextag", version=__version__, description=DESCRIPTION, lifespan=life,
        openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.site = site
    app.state.policy = policy
    app.include_router(_all(api.ROUTERS), prefix="/api/v1")
    app.include_router(_all(pages.ROUTERS), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")), name="static")
    app.add_exception_handler(UrbextagError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _bug)
    return Guard(app, policy)  # outside of all, so that the answer to a bug has its headers too


def _all(routers: tuple[APIRouter, ...]) -> APIRouter:
    together = APIRouter()
    for router in routers:
        together.include_router(router)
    return together


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, UrbextagError)
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    return _answer(request, status, error.message, error.remedy)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, wrong or "the request is not valid", "Mend it")


def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    remedy = "See the pages from: /" if error.status_code == HTTPStatus.NOT_FOUND else "Ask otherwise"
    return _answer(request, error.status_code, str(error.detail).lower(), remedy, dict(error.headers or {}))


def _bug(request: Request, error: Exception) -> Response:
    message = f"a bug: {type(error).__name__}"  # what it says is in the server's log alone
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, message, "Report what the server has printed")


def _answer(
    request: Request, status: int, message: str, remedy: str, headers: dict[str, str] | None = None
) -> Response:
    """An error for a person where a page was asked for, else for a program."""
    message, remedy = writable([message, remedy])  # it may name a file
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": {"message": message, "remedy": remedy}}, status, headers)
    again = AGAIN_SECONDS if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return page(request, "error.html", status, message=message, remedy=remedy, again=again)
