"""Latency histograms of 512 geometric bins: 100 ns to 1.29 s, every value within 1.6 %.

Each bin is 3.25 % wider than the one before, and the value told for it lies in its middle.  What is
shorter falls into the first bin, what is longer into the last; the longest is kept beside the bins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hft.state.blocks import LATENCY_BINS
from ringbuf.compiled import compiled

FIRST_EDGE_NS = 100.0
GROWTH = 1.0325
_LOG_GROWTH = math.log(GROWTH)
_LAST = LATENCY_BINS - 1
# Harmonic middle: the value whose relative distance to both edges is the same.
_MIDDLE = 2.0 * GROWTH / (GROWTH + 1.0)


@compiled
def bin_of(duration_ns: int | np.int64) -> int:
    """Give the bin a duration falls into."""
    if duration_ns <= FIRST_EDGE_NS:
        return 0
    return min(int(math.log(duration_ns / FIRST_EDGE_NS) / _LOG_GROWTH), _LAST)


def value_ns(index: int) -> float:
    """Give the duration a bin stands for."""
    return FIRST_EDGE_NS * math.exp(index * _LOG_GROWTH) * _MIDDLE


def percentile_ns(
    bins: Sequence[int] | npt.NDArray[np.int64], percent: float, longest_ns: int = 0
) -> float:
    """Give the duration that `percent` of the recorded ones do not exceed; 0 when none are.

    `longest_ns` is the longest of them, 0 where nobody kept it: nothing told is longer, and what
    lies beyond the last bin's beginning, where nothing is told apart, is told as that long.
    """
    counts = np.asarray(bins, dtype=np.int64)
    total = int(counts.sum())
    if total == 0:
        return 0.0
    rank = max(1, math.ceil(total * percent / 100.0))
    index = int(np.searchsorted(np.cumsum(counts), rank))
    if not longest_ns:
        return value_ns(index)
    return float(longest_ns) if index == _LAST else min(value_ns(index), float(longest_ns))


def filled_bins(bins: Sequence[int] | npt.NDArray[np.int64]) -> list[list[int]]:
    """Tell every bin that counted something as [from_ns, to_ns, count], ascending.

    The first begins at 0; the last has no end, and is told to end where it would.
    """
    counts = np.asarray(bins, dtype=np.int64)
    return [
        [_edge_ns(index), _edge_ns(index + 1), int(counts[index])]
        for index in np.flatnonzero(counts).tolist()
    ]


def _edge_ns(index: int) -> int:
    return round(FIRST_EDGE_NS * math.exp(index * _LOG_GROWTH)) if index else 0
