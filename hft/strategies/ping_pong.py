"""PING_PONG: buy, then sell, then buy, on a timer; it tests the road, not the market.

While the price stands above `price_above` and `interval_ms` have passed since the last order, it
trades the other side of its last *filled* order.  A rejected order changes nothing: the same side
is tried again.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hft.strategy.api import (
    NS_PER_MS,
    NS_PER_S,
    MarketFlag,
    MarketKind,
    Record,
    Side,
    Status,
    Verdict,
    market,
    state_dtype,
    verdict,
)

NAME = "PING_PONG"


class Params(msgspec.Struct, frozen=True):
    """What a user may set under [strategy.PING_PONG]."""

    price_above: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="trades only while the price is above this, in quote",
            extra_json_schema={"unit": "quote", "step": 1},
        ),
    ] = 50_000.0
    interval_ms: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=86_400_000,
            description="least time between two orders, in ms",
            extra_json_schema={"unit": "ms", "step": 100},
        ),
    ] = 10_000
    qty: Annotated[
        float,
        msgspec.Meta(
            gt=0,
            description="quantity of every order, in base units",
            extra_json_schema={"unit": "base", "step": 0.001},
        ),
    ] = 0.01


STATE = state_dtype(
    ("last_order_ns", "<i8"),  # 0: none yet.
    ("last_filled_side", "<i8"),  # A Side; 0: none yet.
    ("orders", "<i8"),
)

EXPLAIN = {
    Verdict.PRICE_GATE: "waiting: price {distance:.2f}, above {needed:.2f} needed",
    Verdict.COOLING_DOWN: "waiting: {distance:.1f} s of {needed:.1f} s since the last order",
    Verdict.ENTER: "wants to trade at {distance:.2f}",
}


def on_market(
    event: Record, position: Record, orders: Record, params: Record, state: Record, out: Record
) -> None:
    """Send the next order when price, interval and the last order allow it."""
    if event.flags & MarketFlag.GAP:
        verdict(out, Verdict.GAP)
    if event.kind != MarketKind.TRADE:
        return
    since_ns = event.recv_ns - state.last_order_ns
    if position.open_orders > 0:
        verdict(out, Verdict.IN_FLIGHT)
    elif event.price <= params.price_above:
        verdict(out, Verdict.PRICE_GATE, event.price, params.price_above)
    elif state.last_order_ns != 0 and since_ns < params.interval_ms * NS_PER_MS:
        verdict(out, Verdict.COOLING_DOWN, since_ns / NS_PER_S, params.interval_ms / 1000)
    else:
        side = Side.SELL if state.last_filled_side == Side.BUY else Side.BUY
        state.last_order_ns = event.recv_ns
        state.orders += 1
        verdict(out, Verdict.ENTER, event.price, params.price_above)
        market(out, event, side, params.qty)


def on_report(
    report: Record, position: Record, orders: Record, params: Record, state: Record, out: Record
) -> None:
    """Change sides only when the order is over and something of it was filled."""
    over = (
        report.status == Status.FILLED
        or report.status == Status.EXPIRED
        or report.status == Status.CANCELLED
    )
    if over and report.intent_seq != 0 and report.cum_qty_lots > 0:
        state.last_filled_side = report.side
