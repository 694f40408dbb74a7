"""The margin asset's balance by our own count, and whether the venue's is the same.  Pure."""

from __future__ import annotations


class Wallet:
    """What was there at first, and every fill, fee and transfer since, in units of 1e-8.

    The venue's figure and ours are not read at one moment, so only a difference that is found twice
    is one: then ours is corrected, and whoever asked must say so.
    """

    def __init__(self) -> None:
        self.counted_e8: int | None = None
        self._difference_e8 = 0
        self._differs_ns = 0
        self._put_right_e8 = 0
        """Corrected without knowing why; a payment that is learnt of late may have been it."""

    @property
    def is_doubted(self) -> bool:
        """Say whether a difference was found once."""
        return self._differs_ns != 0

    def fill(self, realised_e8: int, fee_e8: int) -> None:
        """Count a fill; the fee where it was paid in this asset, else 0."""
        if self.counted_e8 is not None:
            self.counted_e8 += realised_e8 - fee_e8

    def transfer(self, amount_e8: int, balance_e8: int) -> None:
        """Count what came or went beside trading; `balance_e8` is what the venue has after it."""
        if self.counted_e8 is not None and self.counted_e8 != balance_e8:
            self.counted_e8 += amount_e8

    def missed(self, amount_e8: int) -> None:
        """Count a payment that was learnt of late, unless a correction has counted it."""
        if self.counted_e8 is None:
            return
        if self._put_right_e8 * amount_e8 > 0 and abs(amount_e8) <= abs(self._put_right_e8):
            self._put_right_e8 -= amount_e8
        else:
            self.counted_e8 += amount_e8

    def compare(self, balance_e8: int, now_ns: int, patience_ns: int) -> int:
        """Compare with what the venue tells; gives what had to be corrected: mostly 0."""
        if self.counted_e8 is None:
            self.counted_e8 = balance_e8
        difference_e8 = balance_e8 - self.counted_e8
        if not difference_e8 or difference_e8 != self._difference_e8:
            self._difference_e8 = difference_e8
            self._differs_ns = now_ns if difference_e8 else 0
            return 0
        if now_ns - self._differs_ns < patience_ns:
            return 0
        self.counted_e8 = balance_e8
        self._put_right_e8 += difference_e8
        self._difference_e8 = self._differs_ns = 0
        return difference_e8
