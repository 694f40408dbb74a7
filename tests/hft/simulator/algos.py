"""Shorthand for tests of conditional orders over the pure core."""

from __future__ import annotations

from itertools import count
from typing import Any

from hft.simulator.algo import AlgoOrder, AlgoUpdate
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.orders import OrderRequest
from hft.simulator.outcomes import OrderUpdate, Outcome
from hft.simulator.symbols import BTCUSDT

_names = count(1)
_LIMITS = ("STOP", "TAKE_PROFIT")


def condition(kind: str, side: int, stop_ticks: int = 0, **more: Any) -> OrderRequest:
    """Word a conditional order of ten lots."""
    values: dict[str, Any] = {
        "symbol": BTCUSDT,
        "side": side,
        "kind": "LIMIT" if kind in _LIMITS else "MARKET",
        "time_in_force": "GTC",
        "price_ticks": stop_ticks if kind in _LIMITS else 0,
        "lots": 10,
        "client_id": f"a{next(_names)}",
        "orig_kind": kind,
        "stop_ticks": stop_ticks,
    }
    return OrderRequest(**{**values, **more})


def place_algo(
    exchange: Exchange, request: OrderRequest, account_id: int = 1, tif: str = "GTC"
) -> AlgoOrder:
    return exchange.algos.place(account_id, request, tif, 1)


def last(exchange: Exchange, listing: Listing, ticks: int, now_ms: int = 2) -> list[str]:
    """Let the last price be another; gives what was said."""
    listing.last_ticks = ticks
    exchange.algos.on_prices(now_ms)
    return told(exchange.drain())


def told(outcomes: list[Outcome]) -> list[str]:
    """Say outcomes in short: an algo's by its status, an order's by execution and status."""
    words = []
    for outcome in outcomes:
        if isinstance(outcome, AlgoUpdate):
            words.append(f"algo {outcome.status}")
        elif isinstance(outcome, OrderUpdate):
            words.append(f"{outcome.execution} {outcome.status}")
    return words
