"""Used request weight and order counts, in fixed calendar windows as the venue counts them."""

from __future__ import annotations

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000


class Window:
    """A counter that starts again at every multiple of its length."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._start_ms = 0
        self._count = 0

    def add(self, now_ms: int, amount: int) -> None:
        """Count `amount` now."""
        self._roll(now_ms)
        self._count += amount

    def count(self, now_ms: int) -> int:
        """Give what was counted in the present window."""
        self._roll(now_ms)
        return self._count

    def _roll(self, now_ms: int) -> None:
        start_ms = now_ms - now_ms % self._length_ms
        if start_ms != self._start_ms:
            self._start_ms = start_ms
            self._count = 0


class Usage:
    """What one client used of the venue's limits.  It is reported, and not yet enforced."""

    def __init__(self) -> None:
        self._weight = Window(MINUTE_MS)
        self._orders_10s = Window(TEN_SECONDS_MS)
        self._orders_1m = Window(MINUTE_MS)

    def add(self, now_ms: int, weight: int, orders: int) -> None:
        """Count one request."""
        self._weight.add(now_ms, weight)
        self._orders_10s.add(now_ms, orders)
        self._orders_1m.add(now_ms, orders)

    def counts(self, now_ms: int) -> tuple[int, int, int]:
        """Give (weight in this minute, orders in these ten seconds, orders in this minute)."""
        return (
            self._weight.count(now_ms),
            self._orders_10s.count(now_ms),
            self._orders_1m.count(now_ms),
        )
