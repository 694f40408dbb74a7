"""The latency histograms of the state segment, counted after the fact, never before a send."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hft.events import Hop
from hft.state.blocks import LATENCY, Leg
from hft.state.histogram import bin_of
from ringbuf.compiled import compiled

Int = int | np.int64

_WORDS = LATENCY.itemsize // 8
_FIRST_BIN = 3
_SENT_LEGS = (
    (Leg.TO_STRATEGY, Hop.DECODED, Hop.STRATEGY),
    (Leg.DECIDE, Hop.STRATEGY, Hop.DECIDED),
    (Leg.TO_EXECUTION, Hop.DECIDED, Hop.EXECUTION),
    (Leg.GATE, Hop.EXECUTION, Hop.GATED),
    (Leg.SIGN, Hop.GATED, Hop.SIGNED),
    (Leg.SEND, Hop.SIGNED, Hop.SENT),
)
_LEGS = np.array([[int(word) for word in leg] for leg in _SENT_LEGS])
_DECODE, _TICK_TO_TRADE = int(Leg.DECODE), int(Leg.TICK_TO_TRADE)
_DECODED, _SENT = int(Hop.DECODED), int(Hop.SENT)


@compiled
def count_leg(rows: Any, leg: int, duration_ns: Int) -> None:
    """Count one duration in the histogram of a leg; `rows` are LATENCY records."""
    row = rows[leg]
    row.count += 1
    row.max_ns = max(row.max_ns, duration_ns)
    row.sum_ns += duration_ns
    row.bins[bin_of(duration_ns)] += 1


@compiled
def count_sent(rows: Any, hops: Any) -> None:
    """Count every leg up to the send, from the hops of an order's row."""
    count_leg(rows, _DECODE, np.int64(hops[_DECODED]))
    for index in range(len(_LEGS)):
        leg, begin, end = _LEGS[index, 0], _LEGS[index, 1], _LEGS[index, 2]
        count_leg(rows, leg, max(np.int64(0), np.int64(hops[end]) - np.int64(hops[begin])))
    count_leg(rows, _TICK_TO_TRADE, np.int64(hops[_SENT]))


class Latency:
    """One histogram per leg, for what Python counts."""

    def __init__(self, rows: npt.NDArray[np.void]) -> None:
        self._words = rows.view(np.uint8).data.cast("q")

    def record(self, leg: Leg, duration_ns: int) -> None:
        """Count one duration."""
        at = leg * _WORDS
        words = self._words
        words[at] += 1
        words[at + 1] = max(words[at + 1], duration_ns)
        words[at + 2] += duration_ns
        words[at + _FIRST_BIN + bin_of(duration_ns)] += 1
