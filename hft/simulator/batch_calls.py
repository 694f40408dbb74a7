"""Requests about several orders at once: every item has its own answer, in the order of sending."""

from __future__ import annotations

import json

import msgspec
import orjson

from hft.simulator import amend_calls, order_calls
from hft.simulator.calls import SIGNED, Call, Handler, Route
from hft.simulator.order_entry import need
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.signing import text_of

ORDERS_MAX = 5
CANCELS_MAX = 10


def place(call: Call) -> object:
    """Place up to five orders."""
    return [_answer(order_calls.place, call, params) for params in _orders(call)]


def amend(call: Call) -> object:
    """Change up to five open orders."""
    return [_answer(amend_calls.amend, call, params) for params in _orders(call)]


def cancel(call: Call) -> object:
    """Cancel up to ten open orders of a symbol, by venue ids or by client ids."""
    symbol = call.listing().symbol.name
    for name, single in (
        ("orderIdList", "orderId"),
        ("origClientOrderIdList", "origClientOrderId"),
    ):
        # A widespread client writes these two names in lower case.
        text = call.params.get(name) or call.params.get(name.lower())
        if text:
            return [
                _answer(order_calls.cancel, call, {"symbol": symbol, single: _text(value, name)})
                for value in _items(text, name, CANCELS_MAX)
            ]
    raise refusal(
        -1102,
        text="Param 'origClientOrderIdList' or 'orderIdList' must be sent, "
        "but both were empty/null!",
    )


def _answer(handler: Handler, call: Call, params: dict[str, str]) -> object:
    """Answer one item; what it caused is sent before the next one changes the order again."""
    try:
        return handler(msgspec.structs.replace(call, params=params))
    except Refusal as refused:
        call.venue.counts.refusals += 1
        return refused.body()
    finally:
        call.venue.flush(call.now_ms)


def _orders(call: Call) -> list[dict[str, str]]:
    name = "batchOrders"
    orders = []
    for item in _items(need(call.params, name), name, ORDERS_MAX):
        if not isinstance(item, dict):
            raise refusal(-1130, name)
        fields = {key: value for key, value in item.items() if value is not None}
        orders.append({key: _text(value, name) for key, value in fields.items()})
    return orders


def _items(text: str, name: str, most: int) -> list[object]:
    """Read a JSON list of bounded length; its numbers stay the texts they were sent as."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refusal(-1130, name) from None
    if not isinstance(found, list):
        raise refusal(-1130, name)
    if not 1 <= len(found) <= most:
        raise refusal(-4082)
    for item in found:
        for value in item.values() if isinstance(item, dict) else (item,):
            if isinstance(value, dict | list):
                raise refusal(-1130, name)
    items: list[object] = json.loads(text, parse_float=str, parse_int=str)
    return items


def _text(value: object, name: str) -> str:
    if not isinstance(value, str | bool):
        raise refusal(-1130, name)
    return text_of(value)


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/fapi/v1/batchOrders"): Route(place, SIGNED, 5, 5),
    ("PUT", "/fapi/v1/batchOrders"): Route(amend, SIGNED, 5, 5),
    ("DELETE", "/fapi/v1/batchOrders"): Route(cancel, SIGNED),
}
