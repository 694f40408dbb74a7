from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hft.state.blocks import LATENCY_BINS
from hft.state.histogram import bin_of, percentile_ns, value_ns
from hft.units import NS_PER_S


@given(st.integers(101, 1_280_000_000))
def test_every_duration_is_told_within_1_6_percent(duration_ns: int) -> None:
    assert abs(value_ns(bin_of(duration_ns)) - duration_ns) <= 0.016 * duration_ns + 1e-6


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_bins_keep_the_order_and_never_leave_the_table(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= bin_of(low) <= bin_of(high) < LATENCY_BINS


@given(st.lists(st.integers(200, 10**9), min_size=1, max_size=200), st.floats(1.0, 100.0))
def test_percentiles_are_those_of_the_sorted_durations(
    durations: list[int], percent: float
) -> None:
    bins = np.zeros(LATENCY_BINS, np.int64)
    for duration in durations:
        bins[bin_of(duration)] += 1
    rank = max(1, int(np.ceil(len(durations) * percent / 100.0)))
    exact = sorted(durations)[rank - 1]
    assert abs(percentile_ns(bins, percent) - exact) <= 0.016 * exact + 1e-6


def test_nothing_recorded_is_zero() -> None:
    assert percentile_ns([0] * LATENCY_BINS, 99.0) == 0.0


def counted(*durations_ns: int) -> list[int]:
    bins = [0] * LATENCY_BINS
    for duration_ns in durations_ns:
        bins[bin_of(duration_ns)] += 1
    return bins


def test_no_percentile_is_longer_than_the_longest() -> None:
    assert percentile_ns(counted(91_000), 50.0, 91_000) <= 91_000
    assert percentile_ns(counted(20), 99.9, 20) == 20.0


def test_what_the_last_bin_holds_is_told_as_long_as_the_longest() -> None:
    bins = counted(1_000, 1_000, 30 * NS_PER_S)
    assert percentile_ns(bins, 99.0, 30 * NS_PER_S) == 30.0 * NS_PER_S
    assert percentile_ns(bins, 50.0, 30 * NS_PER_S) < 1_100
