"""What a death leads to: back-off, a fresh STATE, or the latch.  Pure: times in, decision out.

The first restart is at once, later ones back off; a second death of the strategy within ten minutes
starts it from zero; the fourth death of a process that trades latches HALTED.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hft.events import Role
from hft.units import NS_PER_S

WINDOW_NS = 600 * NS_PER_S
FRESH_STATE_DEATHS = 2
LATCH_DEATHS = 4
_BACKOFF_FIRST_NS = NS_PER_S // 10
_BACKOFF_MAX_NS = 5 * NS_PER_S
_LATCHING = (Role.FEED, Role.STRATEGY, Role.EXECUTION)


class Decision(msgspec.Struct, frozen=True):
    """How a dead process comes back."""

    delay_ns: int
    fresh_state: bool
    latch: bool


def decide(role: Role, deaths_ns: Sequence[int], now_ns: int) -> Decision:
    """Decide from the times of all deaths of `role`, the newest included."""
    recent = sum(1 for death_ns in deaths_ns if now_ns - death_ns <= WINDOW_NS)
    delay_ns = 0 if recent <= 1 else min(_BACKOFF_FIRST_NS << (recent - 2), _BACKOFF_MAX_NS)
    return Decision(
        delay_ns=delay_ns,
        fresh_state=role is Role.STRATEGY and recent >= FRESH_STATE_DEATHS,
        latch=role in _LATCHING and recent >= LATCH_DEATHS,
    )
