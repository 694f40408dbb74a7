"""Requests that change open orders, and the record of such changes."""

from __future__ import annotations

from hft.simulator.calls import SIGNED, Call, Route
from hft.simulator.messages import Json, amend_reply
from hft.simulator.order_calls import find_order
from hft.simulator.order_entry import optional_int, read_amendment
from hft.simulator.orders import Amendment, VenueOrder
from hft.simulator.refusals import refusal

LIMIT_DEFAULT = 50
LIMIT_MAX = 100


def amend(call: Call) -> object:
    """Give an open order another price and total quantity; it keeps its ids."""
    wish = read_amendment(call.params, call.listing().symbol)
    order = find_order(call)
    if order is None:
        raise refusal(-2013)
    call.venue.exchange.amend(call.account_id, order, wish, call.now_ms)
    return amend_reply(order, wish.modify_id)


def amendments(call: Call) -> object:
    """List the changes of one order, newest first, within times."""
    order = find_order(call)
    if order is None:
        raise refusal(-2013)
    limit = optional_int(call.params, "limit") or LIMIT_DEFAULT
    if not 0 < limit <= LIMIT_MAX:
        raise refusal(-1130, "limit")
    start_ms = optional_int(call.params, "startTime") or 0
    end_ms = optional_int(call.params, "endTime")
    rows = [
        _row(order, amendment)
        for amendment in reversed(order.amendments)
        if start_ms <= amendment.time_ms and (end_ms is None or amendment.time_ms <= end_ms)
    ]
    return rows[:limit]


def _row(order: VenueOrder, amendment: Amendment) -> Json:
    symbol = order.symbol
    prices = [symbol.price_trim(ticks) for ticks in amendment.price_ticks]
    quantities = [symbol.qty_trim(lots) for lots in amendment.lots]
    return {
        "amendmentId": amendment.amendment_id,
        "symbol": symbol.name,
        "pair": symbol.name,
        "orderId": order.order_id,
        "clientOrderId": order.client_id,
        "time": amendment.time_ms,
        "amendment": {
            "price": {"before": prices[0], "after": prices[1]},
            "origQty": {"before": quantities[0], "after": quantities[1]},
            "count": amendment.count,
        },
    }


ROUTES: dict[tuple[str, str], Route] = {
    ("PUT", "/fapi/v1/order"): Route(amend, SIGNED, 0, 1),
    ("GET", "/fapi/v1/orderAmendment"): Route(amendments, SIGNED),
}

METHODS: dict[str, Route] = {
    "order.modify": Route(amend, SIGNED, 0, 1),
}
