"""What the mid price was at given moments, from the tape's book tops.

The moments are local times (CLOCK_MONOTONIC): when a fill was told here and so much later.  Book
tops bear the local time of their receipt, so both lie on one clock, behind the same network; the
venue's own times are whole milliseconds, of two streams that do not share a clock.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from hft.events import MarketFlag
from hft.units import E8

Times = npt.NDArray[np.int64]


class Known(IntEnum):
    """Whether the mid price of a moment is known."""

    NOT_YET = 0
    """No later book top has come: it may still have been replaced unseen."""
    YES = 1
    NEVER = 2
    """The moment lies before the first book top, or in a hole."""


def mids_at(tops: npt.NDArray[np.void], times_ns: Times, tick_e8: int) -> tuple[Times, Times]:
    """Give the mid in force at each time in units of 1e-8, and whether it is `Known`.

    `tops` are the book tops of one symbol in the order they came (MARKET records).  In force is the
    last one received at or before the time.  Where the one after it carries GAP, there were others
    that nobody saw.
    """
    after = np.searchsorted(tops["recv_ns"], times_ns, side="right")
    known = np.full(len(times_ns), int(Known.YES), np.int64)
    known[after == len(tops)] = Known.NOT_YET
    later = np.flatnonzero(after < len(tops))
    holed = (tops["flags"][after[later]] & MarketFlag.GAP) != 0
    known[later[holed]] = Known.NEVER
    if len(tops):
        known[after == 0] = Known.NEVER
    mids_e8 = np.zeros(len(times_ns), np.int64)
    usable = np.flatnonzero(known == Known.YES)
    force = tops[after[usable] - 1]
    # Bid and ask are whole ticks: the sum is rounded before it is halved, and only then.
    bid_and_ask = np.rint((force["price"] + force["price2"]) * E8 / tick_e8).astype(np.int64)
    mids_e8[usable] = bid_and_ask * tick_e8 // 2
    return mids_e8, known
