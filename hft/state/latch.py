"""The latch: who halted trading, and whether a person has resumed since.

Two hands write it, each its own words: the supervisor for people and deaths, the risk gate for its
breakers.  Halted means: some hand's last halt is later than the last resume by a person.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hft.events import LatchReason, TradingState


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
