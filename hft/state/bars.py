"""Trades summed into bars: open, high, low, close and volume of equal stretches of time.

Pure and vectorised; whole numbers (ticks and lots) stay whole numbers, floats stay floats.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


class Bars(NamedTuple):
    """One element per bar, in the order of `key`."""

    key: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    """Which trade the bar opened with."""
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    quote: Numbers
    """Sum of price times quantity, in the units of both."""
    bought: Numbers
    """Of the volume, what takers bought."""
    trades: npt.NDArray[np.int64]


def bars_of(
    keys: npt.NDArray[np.int64], price: Numbers, qty: Numbers, bought: npt.NDArray[np.bool_]
) -> Bars:
    """Sum trades with the same key; among those the order given is the order of time."""
    order = np.argsort(keys, kind="stable")
    if not len(order):
        none = np.zeros(0, np.int64)
        return Bars(none, none, *(price[:0],) * 4, *(qty[:0],) * 3, none)
    sorted_keys, price, qty = keys[order], price[order], qty[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(sorted_keys)) + 1))
    ends = np.concatenate((starts[1:], [len(order)]))
    return Bars(
        key=sorted_keys[starts],
        first=order[starts],
        open=price[starts],
        high=np.maximum.reduceat(price, starts),
        low=np.minimum.reduceat(price, starts),
        close=price[ends - 1],
        volume=np.add.reduceat(qty, starts),
        quote=np.add.reduceat(price * qty, starts),
        bought=np.add.reduceat(np.where(bought[order], qty, 0), starts),
        trades=ends - starts,
    )
