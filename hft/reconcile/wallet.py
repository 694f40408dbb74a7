"""Whether a balance is what it was, and everything the income ledger says came since.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hft.binance.income import Income
from hft.ledger.reading import Worth

BLUR_MS = 2_000
"""How far what we noted may lie from the moment at which it was so."""


class WalletCheck(msgspec.Struct, frozen=True):
    """The margin asset's balance then and now, and the sum of its income between."""

    asset: str
    then: Worth
    income_e8: int
    now_e8: int

    @property
    def off_e8(self) -> int:
        """What is there and nothing explains."""
        return self.now_e8 - self.then.wallet_e8 - self.income_e8


def check_wallet(asset: str, then: Worth, venue: Sequence[Income], now_e8: int) -> WalletCheck:
    """Add up; what happened about when the first balance was noted may be in it or not."""
    entries = sorted(
        (entry for entry in venue if entry.asset == asset and entry.ts_ms > then.ts_ms - BLUR_MS),
        key=lambda entry: entry.ts_ms,
    )
    income_e8 = sum(entry.amount_e8 for entry in entries)
    likely = income_e8 - sum(e.amount_e8 for e in entries if e.ts_ms <= then.ts_ms)
    for entry in (None, *entries):
        if entry is not None:
            if entry.ts_ms > then.ts_ms + BLUR_MS:
                break
            income_e8 -= entry.amount_e8
        if then.wallet_e8 + income_e8 == now_e8:
            return WalletCheck(asset, then, income_e8, now_e8)
    return WalletCheck(asset, then, likely, now_e8)
