"""How the ledger asks the venue: last of all, and never against what somebody here was told.

Execution's block says how much of the venue's limits this address has used and whether it is shut
out; what the ledger itself is told goes into its own block, for execution to read.
"""

from __future__ import annotations

from hft.binance.meter import Meter
from hft.binance.venue_clock import VenueClock
from hft.ledger.status import Status
from hft.units import NS_PER_S
from ringbuf.snapshot import Snapshot

WEIGHT_SHARE = 0.5
"""Beyond this share of a minute's request weight the ledger waits for the next minute."""
CROWDED_WAIT_NS = 5 * NS_PER_S


class Manners:
    """The ledger's meter, kept in step with execution's words."""

    def __init__(self, account: Snapshot) -> None:
        self._account = account
        self.meter = Meter(VenueClock())

    def wait_ns(self, now_ns: int) -> int:
        """Say how long a comparison should wait; 0: it may begin."""
        value = self._account.read()
        if value is None:
            return 0
        row = value[0]
        limit, used = int(row["weight_limit"]), int(row["weight_used"])
        limited_ns, banned_ns = int(row["limited_until_ns"]), int(row["banned_until_ns"])
        self.meter.heed(limited_ns, banned_ns)
        if limit:
            self.meter.learn([
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
                 "limit": limit}
            ])  # fmt: skip
        crowded = limit and used > limit * WEIGHT_SHARE
        return max(limited_ns - now_ns, banned_ns - now_ns, CROWDED_WAIT_NS if crowded else 0, 0)

    def tell(self, status: Status) -> None:
        """Write what the venue told the ledger into its block."""
        status.limited_until_ns = self.meter.limited_until_ns
        status.banned_until_ns = self.meter.banned_until_ns
