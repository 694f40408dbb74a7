"""Requests about orders and fills."""

from __future__ import annotations

from hft.simulator.calls import SIGNED, Call, Route, one_or_all, window
from hft.simulator.messages import Json, order_record, order_reply, user_trade
from hft.simulator.order_entry import need_int, optional_int, read_order
from hft.simulator.orders import VenueOrder
from hft.simulator.refusals import refusal

ALL_CANCELED: Json = {
    "code": 200,
    "msg": "The operation of cancel all open order is done.",
}


def place(call: Call) -> object:
    """Place an order; RESULT reports what became of it, ACK that it was accepted."""
    hedge = call.desk.account.hedge
    request = read_order(call.params, call.listing().symbol, call.now_ms, hedge=hedge)
    order = call.venue.exchange.place(call.account_id, request, call.now_ms)
    waits = request.kind == "MARKET" or request.time_in_force != "GTC"
    result = call.params.get("newOrderRespType") == "RESULT"
    return order_reply(order, accepted_only=not (result and (waits or order.filled_lots)))


def cancel(call: Call) -> object:
    """Cancel an open order by either id."""
    order = find_order(call)
    if order is None:
        raise refusal(-2011)
    return order_reply(call.venue.exchange.cancel(call.account_id, order, call.now_ms))


def query(call: Call) -> object:
    """Give any order by either id."""
    order = find_order(call)
    if order is None:
        raise refusal(-2013)
    return order_record(order)


def open_order(call: Call) -> object:
    """Give an open order by either id."""
    order = find_order(call)
    if order is None or order.order_id not in call.desk.open:
        raise refusal(-2013)
    return order_record(order)


def open_orders(call: Call) -> object:
    """List the open orders of one symbol or all."""
    orders = list(call.desk.open.values())
    if call.params.get("symbol"):
        orders = call.desk.open_of(call.listing().symbol)
    return [order_record(order) for order in orders]


def cancel_all(call: Call) -> object:
    """Cancel every open order of a symbol."""
    call.venue.exchange.cancel_all(call.account_id, call.listing().symbol, call.now_ms)
    return ALL_CANCELED


def all_orders(call: Call) -> object:
    """List orders, oldest first, from an id or within times."""
    rows = list(call.desk.orders.values())
    if call.params.get("symbol"):
        symbol = call.listing().symbol
        rows = [order for order in rows if order.symbol is symbol]
    first = optional_int(call.params, "orderId")
    if first is not None:
        rows = [order for order in rows if order.order_id >= first]
    return [
        {
            **order_record(order),
            "pair": order.symbol.name,
            "cumBase": order.symbol.qty_text(order.filled_lots),
        }
        for order in window(call, rows, lambda order: order.time_ms, from_id=first is not None)
    ]


def user_trades(call: Call) -> object:
    """List fills, oldest first, of an order, from a trade id or within times."""
    symbol = call.listing().symbol
    rows = [fill for fill in call.desk.fills if fill.symbol is symbol]
    order_id = optional_int(call.params, "orderId")
    first = optional_int(call.params, "fromId")
    if first is not None and (call.params.get("startTime") or call.params.get("endTime")):
        raise refusal(-1128)
    if order_id is not None:
        rows = [fill for fill in rows if fill.order_id == order_id]
    if first is not None:
        rows = [fill for fill in rows if fill.trade_id >= first]
    chosen = window(call, rows, lambda fill: fill.time_ms, from_id=first is not None)
    return [user_trade(fill) for fill in chosen]


def countdown(call: Call) -> object:
    """Set or clear the countdown after which all orders of a symbol are cancelled."""
    symbol = call.listing().symbol
    wait_ms = need_int(call.params, "countdownTime")
    if wait_ms < 0:
        raise refusal(-1130, "countdownTime")
    due_ms = call.now_ms + wait_ms if wait_ms else 0
    call.venue.exchange.set_countdown(call.account_id, symbol, due_ms)
    return {"symbol": symbol.name, "countdownTime": str(wait_ms)}


def find_order(call: Call) -> VenueOrder | None:
    """Give the order a request names by either id, None if there is none.

    Raises:
        Refusal: -1102, it names none.
    """
    symbol = call.listing().symbol
    order_id = optional_int(call.params, "orderId")
    if order_id is not None:
        order = call.desk.orders.get(order_id)
        return order if order is not None and order.symbol is symbol else None
    client_id = call.params.get("origClientOrderId")
    if not client_id:
        raise refusal(
            -1102,
            text="Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        )
    return call.desk.by_client.get((symbol.name, client_id))


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/fapi/v1/order"): Route(place, SIGNED, 0, 1),
    ("GET", "/fapi/v1/order"): Route(query, SIGNED),
    ("DELETE", "/fapi/v1/order"): Route(cancel, SIGNED),
    ("GET", "/fapi/v1/openOrder"): Route(open_order, SIGNED),
    ("GET", "/fapi/v1/openOrders"): Route(open_orders, SIGNED, one_or_all(1, 40)),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route(cancel_all, SIGNED),
    ("GET", "/fapi/v1/allOrders"): Route(all_orders, SIGNED, 5),
    ("POST", "/fapi/v1/countdownCancelAll"): Route(countdown, SIGNED, 10),
    ("GET", "/fapi/v1/userTrades"): Route(user_trades, SIGNED, 5),
}

METHODS: dict[str, Route] = {
    "order.place": Route(place, SIGNED, 0, 1),
    "order.cancel": Route(cancel, SIGNED),
    "order.status": Route(query, SIGNED),
}
