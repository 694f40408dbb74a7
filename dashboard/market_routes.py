"""The routes of the chart's prices; each is read in a worker thread."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard.api import Json
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples_trades import CANDLES, TICKS
from dashboard.market import CANDLES_MAX, FOREVER_MS, TICKS_MAX, Market

Moment = Annotated[int | None, Query(ge=0, le=FOREVER_MS)]


def market_routes(deps: Deps) -> APIRouter:
    """Build the routes over ticks and candles."""
    router = APIRouter(prefix="/api", tags=["live"], default_response_class=Json)
    market = Market(deps.view.house, deps.trades)

    @router.get("/ticks", summary="Trades and book tops behind a number", responses=answers(TICKS))
    async def ticks(
        symbol: str,
        after: Annotated[int, Query(ge=0, le=FOREVER_MS)] = 0,
        limit: Annotated[int, Query(ge=1, le=TICKS_MAX)] = 2_000,
    ) -> Response:
        """From the tape of the newest records. A trade is [number, ms, price, quantity, side of the
        taker], a top [number, ms, bid, ask]; `gaps` are holes in the data.
        """
        return Json(await run_in_threadpool(market.ticks, symbol, after, limit))

    @router.get("/candles", summary="Candles, oldest first", responses=answers(CANDLES))
    async def candles(
        symbol: str,
        interval: str = "1m",
        from_ms: Moment = None,
        to_ms: Moment = None,
        limit: Annotated[int, Query(ge=1, le=CANDLES_MAX)] = 500,
    ) -> Response:
        """[ms, open, high, low, close, volume, trades]; `1s`, `5s`, `15s` from the tape, `1m` to
        `1d` (in UTC) from the kept minutes, the newest one live.
        """
        told = await run_in_threadpool(market.candles, symbol, interval, from_ms, to_ms, limit)
        return Json(told)

    return router
