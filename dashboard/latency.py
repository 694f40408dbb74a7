"""The way from tick to trade in numbers: percentiles and bins of every leg, the last orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hft.state.blocks import Leg
from hft.state.values import Values

LABELS = {
    Leg.DECODE: "socket to decoder",
    Leg.TO_STRATEGY: "decoder to strategy",
    Leg.DECIDE: "strategy decides",
    Leg.TO_EXECUTION: "strategy to execution",
    Leg.GATE: "risk gate",
    Leg.SIGN: "write and sign",
    Leg.SEND: "send",
    Leg.TICK_TO_TRADE: "tick to trade",
    Leg.ORDER_ROUND_TRIP: "order round trip",
    Leg.ORDER_TO_FILL: "order to fill",
}
assert set(LABELS) == set(Leg)


def leg_rows(legs: Sequence[Values]) -> list[dict[str, Any]]:
    """Tell every leg with a label for people; `legs` as `HouseReader.latency` gives them."""
    return [{**leg, "label": LABELS[Leg[leg["leg"]]]} for leg in legs]


def recent_rows(orders: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell how long each of these orders took from its market event to its departure, newest last.

    Orders that no market event caused, and those that never left, are not among them.
    """
    return [
        {
            "key": order["key"],
            "ms": order["received_ms"],
            "symbol": order["symbol"],
            "tick_to_trade_ns": order["tick_to_trade_ns"],
        }
        for order in reversed(orders)
        if order["tick_to_trade_ns"]
    ]
