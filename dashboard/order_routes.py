"""The routes over orders and their latency: the table, one order's life, the legs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard.api import PAGE_MAX, Json
from dashboard.deps import Deps
from dashboard.order_rows import read_key
from dashboard.order_story_book import tell_order
from dashboard.refusal import Refusal
from hft.state.blocks import SYMBOL_NAME_MAX


def order_routes(deps: Deps) -> APIRouter:
    """Build the routes; what asks the database runs in a worker thread."""
    router = APIRouter(prefix="/api", default_response_class=Json)
    view, trades = deps.view, deps.trades

    @router.get("/orders")
    async def orders(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
        symbol: Annotated[str, Query(max_length=SYMBOL_NAME_MAX)] = "",
    ) -> Response:
        return Json({"orders": view.orders(limit, symbol)})

    @router.get("/orders/{key}")
    async def order(key: str) -> Response:
        known = read_key(key)
        if known is None:
            raise Refusal(422, "BAD_REQUEST", "An order is named <session epoch>-<intent number>.")
        told = await run_in_threadpool(tell_order, view, trades, *known)
        if told is None:
            raise Refusal(404, "UNKNOWN_ORDER", "Neither the table nor the database has it.")
        return Json(told)

    @router.get("/latency")
    async def latency() -> Response:
        return Json(view.latency())

    return router
