"""MOMENTUM: go with a move that is worth more than the fees of getting in and out.

velocity = newest price - oldest price of a window of trades.  threshold = `threshold` + price x 2 x
taker fee.  Flat, a velocity beyond the threshold enters with the move; a long leaves when velocity
is below zero, a short when it is above.  One signal per `cooldown_ms`, and none before the window
is full.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hft.strategy.api import (
    NS_PER_MS,
    NS_PER_S,
    IntentFlag,
    MarketFlag,
    MarketKind,
    Record,
    Side,
    Verdict,
    detail,
    market,
    state_dtype,
    verdict,
)

NAME = "MOMENTUM"
WINDOW_MAX = 1024


class Params(msgspec.Struct, frozen=True):
    """What a user may set under [strategy.MOMENTUM]."""

    window: Annotated[
        int,
        msgspec.Meta(
            ge=2,
            le=WINDOW_MAX,
            description="trades that velocity looks back over",
            extra_json_schema={"unit": "trades"},
        ),
    ] = 50
    threshold: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="least velocity beyond the fees of both ways, in quote",
            extra_json_schema={"unit": "quote", "step": 0.1},
        ),
    ] = 2.0
    cooldown_ms: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=86_400_000,
            description="least time between two signals, in ms",
            extra_json_schema={"unit": "ms", "step": 100},
        ),
    ] = 1000
    qty: Annotated[
        float,
        msgspec.Meta(
            gt=0,
            description="quantity of an entry, in base units",
            extra_json_schema={"unit": "base", "step": 0.001},
        ),
    ] = 0.01


STATE = state_dtype(
    ("window", "<i8"),  # The window these prices were gathered for.
    ("count", "<i8"),  # Prices in it, up to `window`.
    ("oldest", "<i8"),  # Where the oldest lies and the next goes, once it is full.
    ("last_signal_ns", "<i8"),  # 0: none yet.
    ("velocity", "<f8"),
    ("threshold", "<f8"),
    ("prices", "<f8", WINDOW_MAX),
)

DETAIL = ("base", "fees", "position")
EXPLAIN = {
    Verdict.WARMING_UP: "warming up: {distance:.0f} of {needed:.0f} trades in the window",
    Verdict.COOLING_DOWN: "cooling down: {distance:.1f} s of {needed:.1f} s since the last signal",
    Verdict.NO_SIGNAL: "waiting: velocity {distance:+.1f} of {needed:+.1f} needed: "
    "base {base:.1f} + fees {fees:.1f}",
    Verdict.EDGE_BELOW_FEES: "waiting: velocity {distance:+.1f} does not pay the fees, "
    "{needed:+.1f} needed: base {base:.1f} + fees {fees:.1f}",
    Verdict.HOLDING: "holding {position:held}: velocity {distance:+.1f}, leaves when it turns",
    Verdict.ENTER: "wants to enter: velocity {distance:+.1f} beyond {needed:+.1f}: "
    "base {base:.1f} + fees {fees:.1f}",
    Verdict.EXIT: "wants to close {position:held}: velocity turned to {distance:+.1f}",
}


def remember(state: Record, window: int, price: float) -> None:
    """Put a price into the window; afterwards ``oldest`` is where the oldest one lies."""
    state.prices[state.oldest] = price
    state.oldest += 1
    if state.oldest == window:
        state.oldest = 0
    if state.count < window:
        state.count += 1
    state.velocity = price - state.prices[state.oldest] if state.count == window else 0.0


def forget(state: Record, window: int) -> None:
    """Empty the window."""
    state.window = window
    state.count = 0
    state.oldest = 0
    state.velocity = 0.0


def on_market(
    event: Record, position: Record, orders: Record, params: Record, state: Record, out: Record
) -> None:
    """Take a trade into the window and act on the velocity when everything allows it."""
    gap = event.flags & MarketFlag.GAP
    if gap or state.window != params.window:
        forget(state, params.window)
    if gap:
        verdict(out, Verdict.GAP)
    if event.kind != MarketKind.TRADE:
        return
    remember(state, params.window, event.price)
    since_ns = event.recv_ns - state.last_signal_ns
    if state.count < params.window:
        if not gap:
            verdict(out, Verdict.WARMING_UP, state.count, params.window)
    elif position.open_orders > 0:
        verdict(out, Verdict.IN_FLIGHT)
    elif state.last_signal_ns != 0 and since_ns < params.cooldown_ms * NS_PER_MS:
        verdict(out, Verdict.COOLING_DOWN, since_ns / NS_PER_S, params.cooldown_ms / 1000)
    else:
        decide(event, position, params, state, out)


def decide(event: Record, position: Record, params: Record, state: Record, out: Record) -> None:
    """Enter when flat and the move pays, leave when it has turned."""
    fees = event.price * 2.0 * position.taker_fee
    needed = params.threshold + fees
    velocity = state.velocity
    state.threshold = needed
    detail(out, 0, params.threshold)
    detail(out, 1, fees)
    detail(out, 2, position.qty)
    if position.qty == 0.0:
        signed = needed if velocity >= 0.0 else -needed
        if velocity > needed or velocity < -needed:
            state.last_signal_ns = event.recv_ns
            verdict(out, Verdict.ENTER, velocity, signed)
            market(out, event, Side.BUY if velocity > 0.0 else Side.SELL, params.qty)
        elif abs(velocity) > params.threshold:
            verdict(out, Verdict.EDGE_BELOW_FEES, velocity, signed)
        else:
            verdict(out, Verdict.NO_SIGNAL, velocity, signed)
    elif (position.qty > 0.0 and velocity < 0.0) or (position.qty < 0.0 and velocity > 0.0):
        side = Side.SELL if position.qty > 0.0 else Side.BUY
        state.last_signal_ns = event.recv_ns
        verdict(out, Verdict.EXIT, velocity, 0.0)
        market(out, event, side, abs(position.qty), IntentFlag.REDUCE_ONLY)
    else:
        verdict(out, Verdict.HOLDING, velocity, 0.0)
