"""The routes over the database; each query runs in a worker thread."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard.api import PAGE_MAX, Json
from dashboard.deps import Deps
from dashboard.refusal import Refusal
from dashboard.stats import markouts_answer, statistics_answer
from hft.clock import wall_ms
from hft.ledger.days import UnknownZone, zone_of
from hft.ledger.pnl import POINTS_MAX

MS_MAX = 253_402_214_400_000
"""The last day of the year 9999: later ones have no date."""
DRAWN_POINTS_MAX = 20_000
ID_MAX = 2**63 - 1

Ms = Annotated[int | None, Query(ge=0, le=MS_MAX)]
Zone = Annotated[str, Query(max_length=64)]


def trade_routes(deps: Deps) -> APIRouter:
    """Build the routes over trades, sums, the curve and the statistics."""
    router = APIRouter(prefix="/api", default_response_class=Json)
    view, trades, pulse = deps.view, deps.trades, deps.pulse

    @router.get("/history")
    async def history(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 200,
        offset: Annotated[int, Query(ge=0, le=ID_MAX)] = 0,
        before_id: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
        from_ms: Ms = None,
        to_ms: Ms = None,
    ) -> Response:
        page = await run_in_threadpool(trades.page, limit, offset, before_id, from_ms, to_ms)
        return Json(page)

    @router.get("/calendar")
    async def calendar(zone: Zone = "UTC") -> Response:
        return Json({"days": await run_in_threadpool(trades.days, known_zone(zone))})

    @router.get("/pnl")
    async def pnl() -> Response:
        started_ms = int(view.reader.run()["started_ms"])
        return Json(await run_in_threadpool(trades.shares, started_ms))

    @router.get("/pnl_series")
    async def pnl_series(
        mode: Literal["session", "historical", "range"] = "session",
        from_ms: Ms = None,
        to_ms: Ms = None,
        points: Annotated[int, Query(ge=4, le=DRAWN_POINTS_MAX)] = POINTS_MAX,
    ) -> Response:
        if mode == "session":
            return Json({"mode": mode, "points": pulse.history.points()})
        if mode == "historical":
            from_ms = to_ms = None
        elif from_ms is None:
            raise Refusal(422, "BAD_REQUEST", "from_ms: a range needs the time it begins at.")
        curve = await run_in_threadpool(trades.series, from_ms, to_ms, points)
        return Json({"mode": mode, "points": curve})

    @router.get("/stats")
    async def stats(zone: Zone = "UTC", from_ms: Ms = None, to_ms: Ms = None) -> Response:
        found = await run_in_threadpool(trades.statistics, known_zone(zone), from_ms, to_ms)
        return Json(statistics_answer(found))

    @router.get("/markouts")
    async def markouts(from_ms: Ms = None, to_ms: Ms = None) -> Response:
        return Json(markouts_answer(await run_in_threadpool(trades.markouts, from_ms, to_ms)))

    @router.get("/order_marks")
    async def order_marks(
        symbol: Annotated[str, Query(min_length=1, max_length=32)],
        from_ms: Ms = None,
        to_ms: Ms = None,
    ) -> Response:
        until_ms = wall_ms() + 1 if to_ms is None else to_ms
        return Json(await run_in_threadpool(trades.marks, symbol, from_ms or 0, until_ms))

    return router


def known_zone(name: str) -> ZoneInfo:
    """Find a zone, or refuse the request.

    Raises:
        Refusal: there is none of that name.
    """
    try:
        return zone_of(name)
    except UnknownZone as problem:
        raise Refusal(422, "UNKNOWN_ZONE", f"{problem}.") from problem
