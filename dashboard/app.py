"""The application: routes, the page's files, and the guard around both."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from dashboard.api import read_routes
from dashboard.auth import Guard
from dashboard.controls import control_routes
from dashboard.deps import STATIC, Deps
from dashboard.describe import ABOUT, ERRORS, TAGS, Described
from dashboard.export_routes import export_routes
from dashboard.health_routes import health_routes
from dashboard.market_routes import market_routes
from dashboard.order_routes import order_routes
from dashboard.params_routes import params_routes
from dashboard.refusal import Refusal
from dashboard.session_routes import session_routes
from dashboard.trade_routes import trade_routes
from dashboard.trades import TradesUnavailable
from dashboard.venue_pnl import venue_routes
from dashboard.why_routes import why_routes


def create_app(deps: Deps) -> Guard:
    """Build the application, wrapped in its guard."""
    app = Described(
        title="HFT dashboard",
        description=ABOUT,
        version=version("hft"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        openapi_tags=TAGS,
        responses=ERRORS,
    )
    app.include_router(read_routes(deps))
    app.include_router(trade_routes(deps))
    app.include_router(control_routes(deps))
    app.include_router(market_routes(deps))
    app.include_router(params_routes(deps))
    app.include_router(why_routes(deps))
    app.include_router(order_routes(deps))
    app.include_router(export_routes(deps))
    app.include_router(session_routes(deps))
    app.include_router(health_routes(deps))
    app.include_router(venue_routes(deps))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(TradesUnavailable, _no_trades)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(Exception, _broken)
    app.add_api_route("/", _page, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return Guard(app, deps.access)


async def _page() -> Response:
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def _refused(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refusal)
    return problem.response()


async def _no_trades(_request: Request, problem: Exception) -> Response:
    return Refusal(503, "TRADES_UNAVAILABLE", f"{problem}.".capitalize()).response()


async def _malformed(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)
    return Refusal(422, "BAD_REQUEST", _sentence(problem)).response()


async def _not_served(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    reply = Refusal(problem.status_code, "NOT_SERVED", f"{problem.detail}.").response()
    reply.headers.update(problem.headers or {})
    return reply


async def _broken(_request: Request, _problem: Exception) -> Response:
    # What it was is for the log alone: it may hold what must not be told.
    return Refusal(500, "BROKEN", "Something in the dashboard broke: the log has it.").response()


def _sentence(problem: RequestValidationError) -> str:
    """Say what is wrong with a request without repeating what was sent."""
    first = problem.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
    if first["type"] == "json_invalid":
        return "The request is not valid JSON."
    return f"{place or 'The request'}: {first['msg']}."
