"""The venue's clock, measured again and again over roads of any length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hft.binance.venue_clock import DRIFT_PPM, JUMP_NS, KEPT_NS, VenueClock

MS = 1_000_000
START_NS = 5_000 * MS
VENUE_NS = 1_790_000_000_000 * MS

trips = st.lists(
    st.tuples(st.integers(0, 80 * MS), st.integers(0, 80 * MS), st.integers(1, 5_000 * MS)),
    min_size=1,
    max_size=40,
)


def ask(clock: VenueClock, sent_ns: int, out_ns: int, back_ns: int, less_ns: int) -> int:
    """One question and its answer by a venue that is so far from our clock; when it came."""
    clock.add(sent_ns, sent_ns + out_ns + back_ns, (sent_ns + out_ns + less_ns) // MS)
    return sent_ns + out_ns + back_ns


@given(trips=trips, drift_ppm=st.integers(-DRIFT_PPM, DRIFT_PPM), phase_ns=st.integers(0, MS))
def test_the_truth_lies_within_the_stated_error_whatever_the_roads_and_the_drift(
    trips: list[tuple[int, int, int]], drift_ppm: int, phase_ns: int
) -> None:
    clock = VenueClock()
    now_ns = START_NS + phase_ns

    def less_ns(at_ns: int) -> int:
        return VENUE_NS + (at_ns - START_NS) * drift_ppm // 1_000_000

    for out_ns, back_ns, pause_ns in trips:
        now_ns = ask(clock, now_ns, out_ns, back_ns, less_ns(now_ns + out_ns))
        assert abs(clock.less_local_ns() - less_ns(now_ns)) <= clock.error_ns(now_ns) + 2
        now_ns += pause_ns
        assert abs(clock.less_local_ns() - less_ns(now_ns)) <= clock.error_ns(now_ns) + 2
    assert clock.jumps == 0


def test_the_shortest_round_trip_of_the_last_minute_is_believed() -> None:
    clock = VenueClock()
    ask(clock, START_NS, MS, MS, VENUE_NS)
    error_ns = clock.error_ns(START_NS + 2 * MS)
    assert error_ns == MS + MS // 2
    later_ns = ask(clock, START_NS + 1_000 * MS, 40 * MS, 40 * MS, VENUE_NS)
    drifted_ns = (later_ns - START_NS - 2 * MS) * DRIFT_PPM // 1_000_000
    assert clock.error_ns(later_ns) == error_ns + drifted_ns
    much_later_ns = ask(clock, START_NS + KEPT_NS + 2_000 * MS, 40 * MS, 40 * MS, VENUE_NS)
    assert clock.error_ns(much_later_ns) == 40 * MS + MS // 2


def test_the_uncertainty_grows_until_the_clock_is_read_again() -> None:
    clock = VenueClock()
    now_ns = ask(clock, START_NS, MS, MS, VENUE_NS)
    assert clock.error_ns(now_ns + 1_000_000_000_000) == clock.error_ns(now_ns) + 50 * MS
    clock.doubt(-700 * MS)
    assert clock.error_ns(now_ns) > 700 * MS
    now_ns = ask(clock, now_ns + MS, MS, MS, VENUE_NS)
    assert clock.error_ns(now_ns) < 2 * MS
    assert clock.jumps == 0


def test_a_step_of_either_clock_makes_it_forget_what_it_knew() -> None:
    clock = VenueClock()
    now_ns = ask(clock, START_NS, MS, MS, VENUE_NS)
    now_ns = ask(clock, now_ns, MS, MS, VENUE_NS + 10_000 * MS)
    assert (clock.jumps, abs(clock.jumped_ns - 10_000 * MS) <= 2 * MS) == (1, True)
    assert abs(clock.less_local_ns() - VENUE_NS - 10_000 * MS) <= clock.error_ns(now_ns)
    ask(clock, now_ns, MS, MS, VENUE_NS + 10_000 * MS + JUMP_NS // 2)
    assert clock.jumps == 1, "servers differ by a little"


def test_before_it_is_read_our_own_clock_counts_and_is_not_trusted() -> None:
    clock = VenueClock()
    assert not clock.known
    assert clock.error_ns(START_NS) == -1
    earliest_ms, latest_ms = clock.now()
    assert latest_ms - earliest_ms >= 2_000
