"""Payments without a trade, funding above all, booked once though they are told twice.  Pure.

The user stream tells a payment at once and without a number; the income ledger lists it, a little
later, with one.  Each of the two may lack it for a while, and the same amount may be paid again.
"""

from __future__ import annotations

from typing import NamedTuple

from hft.binance.income import Income, Key

SAME_WITHIN_MS = 60_000
"""How far apart the stream and the ledger may date one payment."""

REMEMBERED_MS = 86_400_000


class Payment(NamedTuple):
    """What was received (negative: paid) for a position in one contract."""

    kind: str
    symbol: str
    amount_e8: int
    ts_ms: int


class Settlements:
    """Pairs what is told with what is listed; both answers say whether it is new to the books."""

    def __init__(self) -> None:
        self._told: list[Payment] = []
        """By the stream, and on no list yet."""
        self._listed: list[Payment] = []
        """On a list, and not told by the stream yet."""
        self._known: dict[Key, int] = {}

    def tell(self, payment: Payment) -> bool:
        """Take in what the stream tells; False when a list told it before."""
        if _take_pair(self._listed, payment):
            return False
        self._told.append(payment)
        return True

    def list(self, entry: Income) -> bool:
        """Take in what the ledger lists; False when it is known."""
        if entry.key in self._known:
            return False
        self._known[entry.key] = entry.ts_ms
        payment = Payment(entry.kind, entry.symbol, entry.amount_e8, entry.ts_ms)
        if _take_pair(self._told, payment):
            return False
        self._listed.append(payment)
        return True

    def forget(self, before_ms: int) -> None:
        """Forget what is so old that neither side tells of it any more."""
        self._told = [each for each in self._told if each.ts_ms >= before_ms]
        self._listed = [each for each in self._listed if each.ts_ms >= before_ms]
        self._known = {key: ms for key, ms in self._known.items() if ms >= before_ms}


def _take_pair(waiting: list[Payment], payment: Payment) -> bool:
    """Take out the payment of the other side that is nearest in time, if one is the same."""
    same = [
        each
        for each in waiting
        if each[:3] == payment[:3] and abs(each.ts_ms - payment.ts_ms) <= SAME_WITHIN_MS
    ]
    if not same:
        return False
    waiting.remove(min(same, key=lambda each: abs(each.ts_ms - payment.ts_ms)))
    return True
