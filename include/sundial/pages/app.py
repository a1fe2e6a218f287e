"""The app: routes, headers, static files, and pages that say what went wrong and how to mend it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib.resources import files
from traceback import extract_tb

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from sundial.pages import case, finding, incidents, ledger, monitors, portfolio, queue, register, system
from sundial.pages.city import City
from sundial.pages.frame import rendered
from sundial.pages.site import PageError, Site
from sundial.store.database import StoreError

_LOG = logging.getLogger(__name__)

ROUTERS = (
    portfolio.router,
    finding.router,
    system.router,
    monitors.router,
    queue.router,
    case.router,
    incidents.router,
    register.router,
    ledger.router,
)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(site: Site) -> FastAPI:
    """Returns the pages as an app that knows no Airflow; it is mounted under a path of the caller's."""
    app = FastAPI(title="AI Health", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = site
    app.state.city = City(site.settings())
    app.middleware("http")(_headers)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("sundial.pages") / "static")))
    app.add_exception_handler(PageError, _page_error)
    app.add_exception_handler(StoreError, _store_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _wrong_address)
    return app


async def _headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        response = await call_next(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, a reader gets a page, and no traceback
        place = extract_tb(error.__traceback__)[-1]
        _LOG.error(
            "the page %s failed: %s at %s:%s; report it with this line",
            request.url.path,
            type(error).__name__,
            place.filename,
            place.lineno,
        )
        response = rendered(
            request,
            "error.html.j2",
            500,
            title="This page could not be made",
            remedy="Try again; if it stays, tell the operator the time and the address of this page.",
            link=None,
        )
    response.headers.update(HEADERS)
    if "/static/" not in request.url.path:
        response.headers["Cache-Control"] = "no-store"
    return response


def _page_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)  # noqa: S101 - Starlette's handlers are typed for any exception
    return rendered(
        request, "error.html.j2", error.status, title=error.title, remedy=error.remedy, link=error.link
    )


def _store_error(request: Request, error: Exception) -> Response:
    return rendered(
        request, "error.html.j2", 503, title="The results cannot be read", remedy=f"{error}.", link=None
    )


def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    title = "There is no such page" if status == 404 else "This cannot be done here"
    remedy = "Go on from the portfolio, which leads to every page."
    return rendered(request, "error.html.j2", status, title=title, remedy=remedy, link=None)


def _wrong_address(request: Request, error: Exception) -> Response:
    return rendered(
        request,
        "error.html.j2",
        422,
        title="The address of this page is not right",
        remedy="A part of it has a form that it cannot have, such as a date. Go on from the portfolio.",
        link=None,
    )
