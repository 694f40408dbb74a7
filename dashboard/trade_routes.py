"""The routes over the database; each query runs in a worker thread."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard.api import PAGE_MAX, Json
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples_trades import (
    CALENDAR,
    HISTORY,
    MARKOUTS,
    ORDER_MARKS,
    PNL,
    PNL_SERIES,
    STATS,
)
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
    router = APIRouter(prefix="/api", tags=["trades"], default_response_class=Json)
    view, trades, pulse = deps.view, deps.trades, deps.pulse

    @router.get("/history", summary="Trades, newest first, with totals", responses=answers(HISTORY))
    async def history(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 200,
        offset: Annotated[int, Query(ge=0, le=ID_MAX)] = 0,
        before_id: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
        from_ms: Ms = None,
        to_ms: Ms = None,
        zone: Zone = "UTC",
    ) -> Response:
        """Since the last clearing. `before_id` (`next_before_id` of the answer) asks for the page
        behind, however far back; null: there is none. The totals are of all time and of today in
        `zone`.
        """
        within = (limit, offset, before_id, from_ms, to_ms)
        page = await run_in_threadpool(trades.page, *within, zone=known_zone(zone))
        return Json(page)

    @router.get("/calendar", summary="Days with trades", responses=answers(CALENDAR))
    async def calendar(zone: Zone = "UTC") -> Response:
        """Newest first, in the days of `zone`, since the last clearing; `wins` and `losses` count
        round trips.
        """
        return Json({"days": await run_in_threadpool(trades.days, known_zone(zone))})

    @router.get("/pnl", summary="P&L by strategy and symbol", responses=answers(PNL))
    async def pnl() -> Response:
        """Of this session, and of all time since the last clearing."""
        started_ms = int(view.reader.run()["started_ms"])
        return Json(await run_in_threadpool(trades.shares, started_ms))

    @router.get("/pnl_series", summary="The P&L curve", responses=answers(PNL_SERIES))
    async def pnl_series(
        mode: Literal["session", "historical", "range"] = "session",
        from_ms: Ms = None,
        to_ms: Ms = None,
        points: Annotated[int, Query(ge=4, le=DRAWN_POINTS_MAX)] = POINTS_MAX,
    ) -> Response:
        """`session` samples the total of this run, `historical` sums up the net of every trade,
        `range` that of a range from 0 on; thinned to `points` without losing a peak.
        """
        if mode == "session":
            return Json({"mode": mode, "points": pulse.history.points()})
        if mode == "historical":
            from_ms = to_ms = None
        elif from_ms is None:
            raise Refusal(422, "BAD_REQUEST", "from_ms: a range needs the time it begins at.")
        curve = await run_in_threadpool(trades.series, from_ms, to_ms, points)
        return Json({"mode": mode, "points": curve})

    @router.get("/stats", summary="Statistics", responses=answers(STATS))
    async def stats(zone: Zone = "UTC", from_ms: Ms = None, to_ms: Ms = None) -> Response:
        """Totals, by strategy, by symbol and by the hour of `zone`; a quotient without a divisor
        is null.
        """
        found = await run_in_threadpool(trades.statistics, known_zone(zone), from_ms, to_ms)
        return Json(statistics_answer(found))

    @router.get(
        "/markouts", summary="Where the mid went after the fills", responses=answers(MARKOUTS)
    )
    async def markouts(from_ms: Ms = None, to_ms: Ms = None) -> Response:
        """Above zero where it went the fill's way; by horizon, strategy, symbol, side and role."""
        return Json(markouts_answer(await run_in_threadpool(trades.markouts, from_ms, to_ms)))

    @router.get(
        "/order_marks", summary="Own fills and orders for the chart", responses=answers(ORDER_MARKS)
    )
    async def order_marks(
        symbol: Annotated[str, Query(min_length=1, max_length=32)],
        from_ms: Ms = None,
        to_ms: Ms = None,
    ) -> Response:
        """The newest 5,000 of each, and every order that rests; `cut` says that there are more.
        `to_ms` is now unless given.
        """
        until_ms = wall_ms() + 1 if to_ms is None else to_ms
        account = bytes(view.house.identity[0]["account_epoch"]).decode()
        return Json(await run_in_threadpool(trades.marks, symbol, from_ms or 0, until_ms, account))

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
