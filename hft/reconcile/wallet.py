"""Whether a balance is what it was, and everything the income ledger says came since.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

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


def check_wallet(asset: str, noted: tuple[Worth, Worth], venue: Sequence[Income]) -> WalletCheck:
    """Add up what came between two balances; what happened about either may be in it or not."""
    then, now = noted
    entries = sorted(
        (entry for entry in venue if entry.asset == asset and entry.ts_ms > then.ts_ms - BLUR_MS),
        key=lambda entry: entry.ts_ms,
    )
    between_e8 = sum(e.amount_e8 for e in entries if then.ts_ms < e.ts_ms <= now.ts_ms)
    wanted_e8 = now.wallet_e8 - then.wallet_e8
    whole_e8 = sum(entry.amount_e8 for entry in entries)
    early = _running(e for e in entries if e.ts_ms <= then.ts_ms + BLUR_MS)
    late = set(_running(e for e in reversed(entries) if e.ts_ms > now.ts_ms - BLUR_MS))
    if any(whole_e8 - before_e8 - wanted_e8 in late for before_e8 in early):
        between_e8 = wanted_e8
    return WalletCheck(asset, then, between_e8, now.wallet_e8)


def _running(entries: Iterable[Income]) -> list[int]:
    """Sums of the first ones, none of them to all."""
    return list(accumulate((entry.amount_e8 for entry in entries), initial=0))
