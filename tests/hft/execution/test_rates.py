"""What is told of our own rates is what the gate counts by."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hft.execution.facts import recent
from hft.execution.rates import rate_used
from hft.units import NS_PER_MS, NS_PER_S

ROOM = 8


@given(
    st.lists(st.integers(0, 700), max_size=3 * ROOM),
    st.integers(1, ROOM),
    st.integers(0, 2_500),
)
def test_until_then_and_no_longer_the_gate_finds_the_limit_reached(
    gaps_ms: list[int], most: int, later_ms: int
) -> None:
    times, at_ns = np.zeros(ROOM + 1, np.int64), 5 * NS_PER_S
    for gap_ms in gaps_ms:
        at_ns += gap_ms * NS_PER_MS
        times[times[ROOM] % ROOM] = at_ns
        times[ROOM] += 1
    count, full_until_ns = rate_used(times.data, most, at_ns)
    assert count == recent(times, at_ns)
    now_ns = at_ns + later_ms * NS_PER_MS
    assert (now_ns < full_until_ns) == (recent(times, now_ns) >= most)
