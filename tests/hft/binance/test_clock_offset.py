from hypothesis import given
from hypothesis import strategies as st

from hft.binance.clock_offset import best_offset

MS = 1_000_000
WALL_NS = 1_790_000_000_000 * MS


@given(
    offset_ns=st.integers(-10_000 * MS, 10_000 * MS),
    out_ns=st.integers(0, 80 * MS),
    back_ns=st.integers(0, 80 * MS),
    phase_ns=st.integers(0, MS),
)
def test_the_true_offset_lies_within_the_stated_error(offset_ns, out_ns, back_ns, phase_ns):
    sent = WALL_NS + phase_ns
    server_ms = (sent + out_ns + offset_ns) // MS
    found = best_offset([(sent, out_ns + back_ns, server_ms)])
    assert abs(found.offset_ns - offset_ns) <= found.error_ns + 1


def test_the_shortest_round_trip_wins():
    slow = (WALL_NS, 50 * MS, WALL_NS // MS + 100)
    quick = (WALL_NS, 2 * MS, WALL_NS // MS + 1)
    assert best_offset([slow, quick]) == best_offset([quick])
    assert best_offset([slow, quick]).error_ns == MS + MS // 2
