"""The latch: who halted trading, and whether a person has resumed since.

Two hands write it, each its own words: the supervisor for people and deaths, the risk gate for its
breakers.  Halted means: some hand's last halt is later than the last resume by a person.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft.events import LatchReason, TradingState
from hft.state.blocks import LATCH

assert LATCH.names is not None
_HALT, _RESUME, _REDUCE = (LATCH.names.index(name) for name in ("halt_ns", "resume_ns", "reduce"))


class Latch(msgspec.Struct, frozen=True):
    """What the latch says: halted and by what, or to reduce only."""

    halted: bool
    reduce: bool
    reason: LatchReason

    def state(self) -> TradingState:
        """The trading state the latch allows."""
        if self.halted:
            return TradingState.HALTED
        return TradingState.REDUCING if self.reduce else TradingState.ACTIVE


class LatchWords:
    """The two records as words, for whoever asks before every order."""

    def __init__(self, supervisor: npt.NDArray[np.void], gate: npt.NDArray[np.void]) -> None:
        self._supervisor = supervisor.view(np.uint8).data.cast("q")
        self._gate = gate.view(np.uint8).data.cast("q")

    def state(self) -> TradingState:
        """The trading state the latch allows now."""
        supervisor = self._supervisor
        resumed_ns = supervisor[_RESUME]
        if supervisor[_HALT] > resumed_ns or self._gate[_HALT] > resumed_ns:
            return TradingState.HALTED
        return TradingState.REDUCING if supervisor[_REDUCE] else TradingState.ACTIVE


def latch_of(supervisor: Any, gate: Any) -> Latch:
    """Judge the two records of the latch."""
    resumed_ns = int(supervisor["resume_ns"])
    newest_ns, hand = max(
        (int(supervisor["halt_ns"]), supervisor),
        (int(gate["halt_ns"]), gate),
        key=lambda halt: halt[0],
    )
    halted = newest_ns > resumed_ns
    reason = LatchReason(int(hand["halt_reason"])) if halted else LatchReason.NONE
    return Latch(halted, bool(supervisor["reduce"]), reason)
