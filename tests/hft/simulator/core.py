"""Shorthand for tests of the pure core: a small exchange, its orders, its events."""

from __future__ import annotations

from itertools import count

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import OrderRequest, VenueOrder
from hft.simulator.symbols import BTCUSDT

MARK_TICKS = 600_000
_names = count(1)


def exchange_with(*account_ids: int) -> tuple[Exchange, Listing]:
    exchange = Exchange([BTCUSDT])
    for account_id in account_ids:
        exchange.open_desk(account_id)
    listing = exchange.listings["BTCUSDT"]
    listing.mark_e8 = MARK_TICKS * BTCUSDT.tick_e8
    return exchange, listing


def with_house_book(*account_ids: int) -> tuple[Exchange, Listing]:
    exchange, listing = exchange_with(*account_ids)
    for step in range(1, 6):
        exchange.house_order(listing, BUY, (MARK_TICKS - step, 10 * step), 0)
        exchange.house_order(listing, SELL, (MARK_TICKS + step, 10 * step), 0)
    return exchange, listing


def request(
    side: int, lots: int, price_ticks: int = 0, time_in_force: str = "GTC", **more: object
) -> OrderRequest:
    values: dict[str, object] = {
        "symbol": BTCUSDT,
        "side": side,
        "kind": "LIMIT" if price_ticks else "MARKET",
        "time_in_force": time_in_force,
        "price_ticks": price_ticks,
        "lots": lots,
        "client_id": f"t{next(_names)}",
    }
    return OrderRequest(**{**values, **more})  # type: ignore[arg-type]


def place(
    exchange: Exchange, wish: OrderRequest, account_id: int = 1, now_ms: int = 1
) -> VenueOrder:
    return exchange.place(account_id, wish, now_ms)
