"""The latch: who halted trading, and whether a person has resumed since.

Two hands write it, each its own words: the supervisor for people and deaths, the risk gate for its
breakers.  Halted means: some hand's last halt is later than the last resume by a person; told to
reduce only, the same of the last word that said so.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft.events import LatchReason, TradingState
from hft.state.blocks import LATCH

assert LATCH.names is not None
_HALT, _RESUME, _REDUCE = (
    LATCH.names.index(name) for name in ("halt_ns", "resume_ns", "reduce_ns")
)


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
        if supervisor[_REDUCE] > resumed_ns or self._gate[_REDUCE] > resumed_ns:
            return TradingState.REDUCING
        return TradingState.ACTIVE


def latch_of(supervisor: Any, gate: Any) -> Latch:
    """Judge the two records of the latch."""
    resumed_ns = int(supervisor["resume_ns"])
    halted, halt_reason = _newest("halt", supervisor, gate, resumed_ns)
    reduce, reduce_reason = _newest("reduce", supervisor, gate, resumed_ns)
    return Latch(halted, reduce, halt_reason if halted else reduce_reason)


def _newest(word: str, supervisor: Any, gate: Any, resumed_ns: int) -> tuple[bool, LatchReason]:
    """Say whether that was ordered after the last resume, and what the newest order was for."""
    newest_ns, hand = max(
        ((int(hand[f"{word}_ns"]), hand) for hand in (supervisor, gate)),
        key=lambda order: order[0],
    )
    if newest_ns <= resumed_ns:
        return False, LatchReason.NONE
    return True, LatchReason(int(hand[f"{word}_reason"]))
