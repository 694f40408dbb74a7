"""LIQUIDATION: join a panic while its volume lasts.

Over the last 50 trades: velocity = newest price - oldest; burst = the last 5 quantities together;
average = the mean quantity.  Flat, it enters with a move beyond `price_threshold` whose burst is
more than `volume_multiplier` averages; it leaves when the last 5 are no larger than usual (burst /
5 <= average).

Quantities are kept in whole units of 1e-8, so that running sums stay exact for as long as it runs.
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

NAME = "LIQUIDATION"
WINDOW = 50
RECENT = 5
E8 = 1e8


class Params(msgspec.Struct, frozen=True):
    """What a user may set under [strategy.LIQUIDATION]."""

    price_threshold: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="least move over the window, in quote",
            extra_json_schema={"unit": "quote", "step": 0.1},
        ),
    ] = 10.0
    volume_multiplier: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="least burst, in average trades",
            extra_json_schema={"unit": "×", "step": 0.1},
        ),
    ] = 3.0
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
    ("count", "<i8"),  # Trades in the window, up to WINDOW.
    ("oldest", "<i8"),  # Where the oldest lies and the next goes, once it is full.
    ("last_signal_ns", "<i8"),  # 0: none yet.
    ("velocity", "<f8"),
    ("recent_e8", "<i8"),  # Sum of the last RECENT quantities.
    ("total_e8", "<i8"),  # Sum of the whole window.
    ("prices", "<f8", WINDOW),
    ("qtys_e8", "<i8", WINDOW),
)

DETAIL = ("burst", "average", "times", "multiplier", "position", "velocity", "threshold")
_VOLUME = (
    "volume {times:.1f} of {multiplier:.1f} averages (last 5: {burst:.3f}, mean {average:.4f})"
)
EXPLAIN = {
    Verdict.WARMING_UP: "warming up: {distance:.0f} of {needed:.0f} trades in the window",
    Verdict.COOLING_DOWN: "cooling down: {distance:.1f} s of {needed:.1f} s since the last signal",
    Verdict.NO_SIGNAL: "waiting: velocity {velocity:+.1f} of {threshold:+.1f} needed, " + _VOLUME,
    Verdict.HOLDING: "holding {position:held}: the last 5 trades are {distance:.2f} times "
    "the usual, leaves at {needed:.0f}",
    Verdict.ENTER: "wants to enter: velocity {distance:+.1f} beyond {needed:+.1f}, " + _VOLUME,
    Verdict.EXIT: "wants to close {position:held}: volume is {distance:.2f} times the usual",
}


def remember(state: Record, price: float, qty: float) -> None:
    """Put a trade into the window; afterwards ``oldest`` is where the oldest one lies."""
    at = state.oldest
    qty_e8 = int(qty * E8 + 0.5)
    leaving = at - RECENT
    if leaving < 0:
        leaving += WINDOW
    state.recent_e8 += qty_e8 - state.qtys_e8[leaving]
    state.total_e8 += qty_e8 - state.qtys_e8[at]
    state.prices[at] = price
    state.qtys_e8[at] = qty_e8
    at += 1
    if at == WINDOW:
        at = 0
    state.oldest = at
    if state.count < WINDOW:
        state.count += 1
    state.velocity = price - state.prices[at] if state.count == WINDOW else 0.0


def forget(state: Record) -> None:
    """Empty the window; the sums lean on zeros where nothing was seen yet."""
    state.count = 0
    state.oldest = 0
    state.velocity = 0.0
    state.recent_e8 = 0
    state.total_e8 = 0
    for index in range(WINDOW):
        state.qtys_e8[index] = 0


def on_market(
    event: Record, position: Record, orders: Record, params: Record, state: Record, out: Record
) -> None:
    """Take a trade into the window and act on the cascade when everything allows it."""
    gap = event.flags & MarketFlag.GAP
    if gap:
        forget(state)
        verdict(out, Verdict.GAP)
    if event.kind != MarketKind.TRADE:
        return
    remember(state, event.price, event.qty)
    since_ns = event.recv_ns - state.last_signal_ns
    if state.count < WINDOW:
        if not gap:
            verdict(out, Verdict.WARMING_UP, state.count, WINDOW)
    elif position.open_orders > 0:
        verdict(out, Verdict.IN_FLIGHT)
    elif state.last_signal_ns != 0 and since_ns < params.cooldown_ms * NS_PER_MS:
        verdict(out, Verdict.COOLING_DOWN, since_ns / NS_PER_S, params.cooldown_ms / 1000)
    else:
        decide(event, position, params, state, out)


def decide(event: Record, position: Record, params: Record, state: Record, out: Record) -> None:
    """Enter with a move that volume stands behind, leave when volume is back to usual."""
    burst = state.recent_e8 / E8
    average = state.total_e8 / (WINDOW * E8)
    times = burst / average if average > 0.0 else 0.0
    velocity = state.velocity
    way = 1.0 if velocity >= 0.0 else -1.0
    needed = way * params.price_threshold
    detail(out, 0, burst)
    detail(out, 1, average)
    detail(out, 2, times)
    detail(out, 3, params.volume_multiplier)
    detail(out, 4, position.qty)
    detail(out, 5, velocity)
    detail(out, 6, needed)
    if position.qty == 0.0:
        moved = velocity > params.price_threshold or velocity < -params.price_threshold
        if moved and burst > params.volume_multiplier * average:
            state.last_signal_ns = event.recv_ns
            verdict(out, Verdict.ENTER, velocity, needed)
            market(out, event, Side.BUY if velocity > 0.0 else Side.SELL, params.qty)
        elif moved:
            # The price is there already: how far it is from firing, the volume says.
            verdict(out, Verdict.NO_SIGNAL, way * times, way * params.volume_multiplier)
        else:
            verdict(out, Verdict.NO_SIGNAL, velocity, needed)
        return
    usual = burst / RECENT / average if average > 0.0 else 0.0
    # Compared as whole numbers: burst / RECENT <= total / WINDOW, without the rounding of either.
    if state.recent_e8 * WINDOW <= state.total_e8 * RECENT:
        side = Side.SELL if position.qty > 0.0 else Side.BUY
        state.last_signal_ns = event.recv_ns
        verdict(out, Verdict.EXIT, usual, 1.0)
        market(out, event, side, abs(position.qty), IntentFlag.REDUCE_ONLY)
    else:
        verdict(out, Verdict.HOLDING, usual, 1.0)
