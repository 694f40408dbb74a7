"""Where users' orders wait: the queue of their price, and how much stands before them."""

from __future__ import annotations

from collections.abc import Iterable

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.orders import VenueOrder

QUEUES_MAX = 200


def users_at(listing: Listing, side: int, ticks: int) -> list[VenueOrder]:
    """List the users' orders at a price, first in the queue first."""
    level = listing.book.side(side).level(ticks)
    if level is None:
        return []
    return [order for order in level.orders.values() if isinstance(order, VenueOrder)]


def ahead_of(listing: Listing, order: VenueOrder) -> int:
    """Count the lots that stand before an order at its price."""
    level = listing.book.side(order.side).level(order.price_ticks)
    total = 0
    for each in level.orders.values() if level is not None else ():
        if each is order:
            break
        total += each.left_lots
    return total


def queues_of(exchange: Exchange, listings: Iterable[Listing]) -> list[dict[str, object]]:
    """Describe where the users' open orders wait, `QUEUES_MAX` of them at most."""
    rows: list[dict[str, object]] = []
    for listing in listings:
        symbol = listing.symbol
        for desk in exchange.desks.values():
            for order in desk.open_of(symbol) if desk.open else ():
                if len(rows) >= QUEUES_MAX:
                    return rows
                if listing.book.holds(order):
                    rows.append(
                        {
                            "symbol": symbol.name,
                            "orderId": order.order_id,
                            "price": symbol.price_text(order.price_ticks),
                            "left": symbol.qty_text(order.left_lots),
                            "ahead": symbol.qty_text(ahead_of(listing, order)),
                        }
                    )
    return rows
