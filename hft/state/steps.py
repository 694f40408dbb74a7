"""From the floats of a market and of an intent to whole ticks and lots, by integer arithmetic.

Compiled: the gate quantises an order before it checks anything, and execution values what is open.
"""

from __future__ import annotations

import numpy as np

from hft.units import E8
from ringbuf.compiled import merged

Int = int | np.int64

_LARGEST = 4.5e10
"""Above this twice a price or quantity in units of 1e-8 leaves 64 bits; no filter lets it pass."""
_FLOAT_STEPS = 51
"""An amount of 2**51 units is not told from its neighbour by a float64."""
BEYOND = 1 << 62
"""Steps of what is too large: more than any filter allows."""


@merged
def units_of(value: float) -> Int:
    """Round a float of up to `_LARGEST` to units of 1e-8: the decimal that was meant.

    The float is the nearest to some decimal text.  Whole part and fraction are exact, and so is
    their rounding while the float itself tells neighbouring units apart.
    """
    whole = np.int64(value)
    return whole * E8 + np.int64(np.rint((value - whole) * E8))


@merged
def nearest_ticks(price: float, tick_e8: int) -> Int:
    """Round a price to the nearest tick, half up; `BEYOND` when it is too large."""
    if price > _LARGEST:
        return np.int64(BEYOND)
    return (2 * units_of(price) + tick_e8) // (2 * tick_e8)


@merged
def whole_lots(qty: float, lot_e8: int) -> Int:
    """Round a quantity down to whole lots; a float's own error short of a lot is that lot."""
    if qty > _LARGEST:
        return np.int64(BEYOND)
    units = units_of(qty)
    nearest = (2 * units + lot_e8) // (2 * lot_e8)
    error = units >> _FLOAT_STEPS
    return nearest if -error <= nearest * lot_e8 - units <= error else units // lot_e8
