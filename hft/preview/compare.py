"""Two runs over the same records: which orders only one of them placed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

import msgspec

from hft.preview.trial import Placed
from hft.units import NS_PER_MS

SAME_WITHIN_NS = 100 * NS_PER_MS
"""Orders of one symbol, side and kind that lie no farther apart count as the same order."""


class Difference(msgspec.Struct, frozen=True):
    """Orders of both runs (`changed` of them for another price or quantity), and of only one."""

    kept: int
    changed: int
    added: tuple[Placed, ...]
    removed: tuple[Placed, ...]


def compare(before: Sequence[Placed], after: Sequence[Placed]) -> Difference:
    """Pair the orders of two runs in the order of time; each is in one pair at most."""
    waiting: defaultdict[tuple[int, int, int], deque[Placed]] = defaultdict(deque)
    for order in sorted(before, key=_time):
        waiting[_kind(order)].append(order)
    added, removed, kept, changed = [], [], 0, 0
    for order in sorted(after, key=_time):
        same = waiting[_kind(order)]
        while same and same[0].ns < order.ns - SAME_WITHIN_NS:
            removed.append(same.popleft())
        if same and same[0].ns <= order.ns + SAME_WITHIN_NS:
            other = same.popleft()
            kept += 1
            changed += (other.price, other.qty) != (order.price, order.qty)
        else:
            added.append(order)
    removed += [order for rest in waiting.values() for order in rest]
    return Difference(kept, changed, tuple(added), tuple(sorted(removed, key=_time)))


def _time(order: Placed) -> int:
    return order.ns


def _kind(order: Placed) -> tuple[int, int, int]:
    return order.symbol, order.side, order.order_type
