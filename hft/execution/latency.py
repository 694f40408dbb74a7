"""The latency histograms of the state segment, counted after the fact, never before a send."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hft.events import Hop
from hft.state.blocks import LATENCY, Leg
from hft.state.histogram import bin_of

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


class Latency:
    """One histogram per leg."""

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

    def record_sent(self, hops: list[int]) -> None:
        """Count every leg up to the send, from an order's hops."""
        self.record(Leg.DECODE, hops[Hop.DECODED])
        for leg, begin, end in _SENT_LEGS:
            self.record(leg, max(0, hops[end] - hops[begin]))
        self.record(Leg.TICK_TO_TRADE, hops[Hop.SENT])
