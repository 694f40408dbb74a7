"""How much of a limit on our own rate is used, for whoever watches; the gate counts by itself."""

from __future__ import annotations

from hft.units import NS_PER_S


def rate_used(times_ns: memoryview, most: int, now_ns: int) -> tuple[int, int]:
    """Count the times of the last second, and say until when `most` of them lie in one; 0: never.

    `times_ns` is a ring as `hft.execution.facts.recent` counts it: its last word counts all there
    ever were.
    """
    room = len(times_ns) - 1
    total = times_ns[room]
    kept, since_ns, count = min(total, room), now_ns - NS_PER_S, 0
    while count < kept and times_ns[(total - 1 - count) % room] > since_ns:
        count += 1
    if not 0 < most <= kept:
        return count, 0
    return count, times_ns[(total - most) % room] + NS_PER_S
