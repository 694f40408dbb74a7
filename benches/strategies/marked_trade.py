"""MARKED_TRADE: one limit order, immediate or cancel, for every trade larger than a size.

For measuring: whoever makes the trades decides which of them are answered, and every order carries
the price of the trade that caused it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hft.strategy.api import (
    MarketKind,
    Record,
    Side,
    TimeInForce,
    Verdict,
    limit,
    state_dtype,
    verdict,
)

NAME = "MARKED_TRADE"


class Params(msgspec.Struct, frozen=True):
    """What a user may set under [strategy.MARKED_TRADE]."""

    larger_than: Annotated[
        float, msgspec.Meta(gt=0, description="answers trades larger than this, in base units")
    ] = 0.0165
    qty: Annotated[
        float, msgspec.Meta(gt=0, description="quantity of every order, in base units")
    ] = 0.01


STATE = state_dtype(("orders", "<i8"))


def on_market(
    event: Record, position: Record, orders: Record, params: Record, state: Record, out: Record
) -> None:
    """Answer a large trade at its own price."""
    if event.kind == MarketKind.TRADE and event.qty > params.larger_than:
        state.orders += 1
        verdict(out, Verdict.ENTER, event.qty, params.larger_than)
        limit(out, event, Side.BUY, event.price, params.qty, TimeInForce.IOC)
