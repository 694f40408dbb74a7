"""What every intent desk judges by and adds to, whichever shard its intents come from."""

from __future__ import annotations

from collections import deque

from hft.binance.clock_offset import ClockOffset
from hft.execution.account import Standing
from hft.state.decision import Limits
from hft.units import NS_PER_S

_NO_LIMITS = Limits(0, 0, 0, 0, 0, 0, 0)


class Terms:
    """The house's standing, limits and venue clock, and the orders of the last second.

    The venue counts the orders of an account, not those of a shard.
    """

    def __init__(self) -> None:
        self.standing = Standing()
        self.limits = _NO_LIMITS
        self.clock = ClockOffset(0, -1)
        self._sent_ns: deque[int] = deque()

    def count_sent(self, sent_ns: int) -> None:
        """Remember when an order left."""
        self._sent_ns.append(sent_ns)

    def sent_lately(self, now_ns: int) -> int:
        """Count the orders of the last second."""
        sent_ns = self._sent_ns
        while sent_ns and now_ns - sent_ns[0] >= NS_PER_S:
            sent_ns.popleft()
        return len(sent_ns)
