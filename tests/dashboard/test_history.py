from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.history import POINTS_MAX, PnlHistory, Rate


def test_a_long_session_stays_whole_and_small() -> None:
    history = PnlHistory()
    seconds = 5 * POINTS_MAX
    for second in range(seconds):
        history.add(second * 1000, float(second), 0.0)
    points = history.points()
    assert len(points) <= POINTS_MAX
    assert points[0]["ts_ms"] == 0
    assert points[-1]["ts_ms"] > (seconds - 10) * 1000


@given(st.lists(st.integers(0, 10**7), max_size=200))
def test_points_are_in_order_whatever_the_clock_does(times_ms: list[int]) -> None:
    history = PnlHistory()
    for ms in times_ms:
        history.add(ms, 0.0, 0.0)
    told = [point["ts_ms"] for point in history.points()]
    assert told == sorted(set(told))


def test_the_rate_is_of_the_last_seconds_only() -> None:
    rate = Rate()
    for half_second in range(20):
        rate.add(half_second * 500_000_000, half_second * 50)
    assert rate.per_s() == 100
    for half_second in range(20, 40):
        rate.add(half_second * 500_000_000, 950)
    assert rate.per_s() == 0


def test_a_counter_that_starts_anew_is_no_negative_rate() -> None:
    rate = Rate()
    rate.add(0, 1000)
    rate.add(1_000_000_000, 5)
    assert rate.per_s() == 0
