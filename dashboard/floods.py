"""How often somebody may try: token buckets, one for each address and one for all together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from hft.clock import monotonic_ns
from hft.units import NS_PER_S

ADDRESSES_MAX = 1024


class Bucket:
    """Holds `size` tries and gets them back evenly over `span_s` seconds."""

    def __init__(self, size: int, span_s: float) -> None:
        self._size = size
        self._per_ns = size / (span_s * NS_PER_S)
        self._held = float(size)
        self._at_ns = 0

    def holds(self, now_ns: int) -> bool:
        """Say whether a try is left."""
        if self._at_ns:
            self._held = min(self._size, self._held + (now_ns - self._at_ns) * self._per_ns)
        self._at_ns = now_ns
        return self._held >= 1.0

    def take(self) -> None:
        """Spend a try."""
        self._held -= 1.0


class Flood:
    """Tries by address and overall; an address that was not heard of longest is forgotten first."""

    def __init__(
        self,
        each: int,
        overall: int,
        span_s: float,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._each, self._span_s, self._now_ns = each, span_s, now_ns
        self._all = Bucket(overall, span_s)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Say whether `address` may try, without spending anything."""
        now_ns = self._now_ns()
        mine = self._bucket(address).holds(now_ns)
        return self._all.holds(now_ns) and mine

    def spend(self, address: str) -> None:
        """Count a try of `address`."""
        self._bucket(address).take()
        self._all.take()

    def _bucket(self, address: str) -> Bucket:
        bucket = self._buckets.pop(address, None) or Bucket(self._each, self._span_s)
        self._buckets[address] = bucket
        if len(self._buckets) > ADDRESSES_MAX:
            self._buckets.popitem(last=False)
        return bucket
