"""What a symbol may come to hold and to tie up, when everything that is open fills as it may.

Reduce-only orders never make a position larger: they may only bring it nearer to zero before the
others fill.  Margin is reckoned as the venue does: of position and open orders the dearer way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hft.events import record
from ringbuf.compiled import merged

Record = Any
Int = int | np.int64

EXPOSURE = record(
    128,
    ("position_lots", "<i8"),
    ("leverage", "<i8"),  # As the venue has it set; 0: unknown.
    # Not yet filled, of orders in flight, resting or unknown, by side.
    ("open_buy_lots", "<i8"),  # That may add to a position.
    ("open_sell_lots", "<i8"),
    ("reducing_buy_lots", "<i8"),  # Reduce-only.
    ("reducing_sell_lots", "<i8"),
    ("bid_value", "<i8"),  # Ticks times lots of the ones that may add and have a price.
    ("ask_value", "<i8"),
    ("unpriced_buy_lots", "<i8"),  # Of the ones that may add, without a price.
    ("unpriced_sell_lots", "<i8"),
)
"""One symbol's position and open orders."""

WORTH_MAX_E8 = 1 << 58
"""Money beyond which a worth is not told apart; sixteen of them still fit 64 bits."""


@merged
def worth_e8(ticks: Int, lots: Int, unit_e8: Int) -> Int:
    """Worth of so many lots, not negative, at a price; never above `WORTH_MAX_E8`."""
    lot_e8 = ticks * unit_e8
    if lot_e8 <= 0 or lots <= 0:
        return 0
    if lots > WORTH_MAX_E8 // lot_e8:
        return WORTH_MAX_E8
    return lots * lot_e8


@merged
def worst_lots(position_lots: Int, side: Int, adding_lots: Int, reducing_lots: Int) -> Int:
    """Position, positive in the direction of `side`, with everything open on that side filled."""
    towards = position_lots * side
    if towards < 0:
        towards = min(0, towards + reducing_lots)
    return towards + adding_lots


@merged
def tied_e8(position_e8: Int, bids_e8: Int, asks_e8: Int, leverage: Int) -> Int:
    """Initial margin of a position of that signed worth and its open orders."""
    # The way up is at least as dear as the position when that is long, the way down when short.
    up_e8, down_e8 = position_e8 + bids_e8, asks_e8 - position_e8
    return max(up_e8, down_e8) // leverage


@merged
def reference_price(mark: float, bid: float, ask: float, last: float) -> float:
    """What a position is valued at: the mark, before the first one the middle, else the last."""
    if mark > 0.0:
        return mark
    if bid > 0.0 and ask > 0.0:
        return (bid + ask) / 2
    return last
