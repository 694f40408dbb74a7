"""The routes over orders and their latency: the table, one order's life, the legs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard.api import PAGE_MAX, Json
from dashboard.deps import Deps
from dashboard.describe import answers, refuses
from dashboard.examples_orders import LATENCY, ORDER, ORDERS
from dashboard.order_rows import order_row, read_key
from dashboard.order_story_book import tell_order
from dashboard.refusal import Refusal
from dashboard.view import View
from hft.state.blocks import SYMBOL_NAME_MAX


def order_routes(deps: Deps) -> APIRouter:
    """Build the routes; what asks the database runs in a worker thread."""
    router = APIRouter(prefix="/api", tags=["live"], default_response_class=Json)
    view, trades = deps.view, deps.trades

    @router.get("/orders", summary="The order table, newest first", responses=answers(ORDERS))
    async def orders(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
        symbol: Annotated[str, Query(max_length=SYMBOL_NAME_MAX)] = "",
    ) -> Response:
        """With every hop in nanoseconds since the market event; `key` names an order for good.
        Of one symbol, the open ones are there however old.
        """
        if symbol:
            return Json({"orders": _of_symbol(view, symbol, limit)})
        return Json({"orders": view.orders(limit)})

    @router.get(
        "/orders/{key}",
        summary="One order: its life and its waterfall",
        responses=answers(ORDER) | refuses(404, "Nobody knows it (`UNKNOWN_ORDER`)."),
    )
    async def order(key: str) -> Response:
        """From the table, or from the database once it has left there."""
        known = read_key(key)
        if known is None:
            raise Refusal(422, "BAD_REQUEST", "An order is named <session epoch>-<intent number>.")
        told = await run_in_threadpool(tell_order, view, trades, *known)
        if told is None:
            raise Refusal(404, "UNKNOWN_ORDER", "Neither the table nor the database has it.")
        return Json(told)

    @router.get("/latency", summary="Latency of every leg", responses=answers(LATENCY))
    async def latency() -> Response:
        """Percentiles and bins [from_ns, to_ns, count] of this session, and tick to trade of the
        newest orders.
        """
        return Json(view.latency())

    return router


def _of_symbol(view: View, symbol: str, limit: int) -> list[dict[str, Any]]:
    symbols = view.house.symbols()
    if symbol not in symbols:
        return []
    epoch = int(view.house.run[0]["session_epoch"])
    rows = view.reader.orders_of(symbols.index(symbol), limit)
    return [order_row(row, epoch, view.strategies) for row in rows]
