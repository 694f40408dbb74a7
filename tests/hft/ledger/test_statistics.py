"""Sums, trips, days and curves by columns are what a slow loop over the fills says."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.ledger.books import Books
from hft.ledger.days import UnknownZone, hours_of, list_days, midnight_before, zone_of
from hft.ledger.exposure import exposure_of, notional_e8
from hft.ledger.fills import Fills, Payments
from hft.ledger.statistics import read_statistics
from hft.ledger.thinning import thin
from hft.ledger.trips import trips_of
from hft.units import E8

TEXTS = ["", "a", "BTCUSDT", "ETHUSDT", "MOMENTUM", "PING_PONG"]
NO_PAYMENTS = Payments(*np.zeros((len(Payments._fields), 0), np.int64))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Cairo", "Asia/Beirut")
IN_2023_MS = st.integers(1_672_531_200_000, 1_704_067_200_000)


class Fill(NamedTuple):
    ts_ms: int
    symbol: int
    strategy: int
    lots: int
    price_e8: int
    pnl_e8: int
    fee_e8: int


FILLS = st.lists(
    st.builds(
        Fill,
        ts_ms=st.integers(1, 60),
        symbol=st.sampled_from((2, 3)),
        strategy=st.sampled_from((0, 4, 5)),
        lots=st.integers(-3, 3).filter(bool),
        price_e8=st.integers(1, 10**13),
        pnl_e8=st.integers(-(10**12), 10**12),
        fee_e8=st.integers(-(10**9), 10**10),
    ),
    max_size=40,
)


NO_OPENING: dict[int, int] = {}


def held(btc: int, eth: int) -> dict[int, int]:
    """Lots that the account held of the two symbols before the first fill."""
    return {1 << 32 | 2: btc * 1000, 1 << 32 | 3: eth * 1000}


def books_of(fills: list[Fill], hidden_id: int = 0, opening: dict[int, int] = NO_OPENING) -> Books:
    rows = [
        (at, f.ts_ms, f.price_e8, f.lots * 1000, f.pnl_e8, f.fee_e8, 0, 0, at, 1, f.symbol,
         f.strategy, 0)
        for at, f in enumerate(fills, start=1)
    ]  # fmt: skip
    table = np.array(rows, np.int64).reshape(-1, len(Fills._fields)).T
    return Books(Fills(*table).in_order(), NO_PAYMENTS, hidden_id, 0, TEXTS, opening)


def slow_trips(
    fills: list[Fill], opening: dict[int, int] = NO_OPENING
) -> list[tuple[int, int, int, int, int]]:
    """(closed, opened, strategy, P&L, fee) of each closed trip, by hand."""
    found = []
    groups = defaultdict(list)
    for fill in sorted(fills, key=lambda f: f.ts_ms):
        groups[fill.symbol].append(fill)
    for symbol, group in groups.items():
        position = opening.get(1 << 32 | symbol, 0) // 1000
        seen_open, opened, strategy, pnl, fee = False, 0, 0, 0, 0
        for fill in group:
            if position == 0:
                seen_open, opened, strategy, pnl, fee = True, fill.ts_ms, 0, 0, 0
            after = position + fill.lots
            mine = fill.fee_e8
            if position * after < 0:
                mine = fill.fee_e8 * abs(position) // abs(fill.lots)
            strategy = strategy or fill.strategy
            pnl, fee = pnl + fill.pnl_e8, fee + mine
            if position and (after == 0 or position * after < 0):
                if seen_open:
                    found.append((fill.ts_ms, opened, strategy, pnl, fee))
                seen_open = True
                opened, strategy, pnl, fee = fill.ts_ms, fill.strategy, 0, fill.fee_e8 - mine
            position = after
    return sorted(found)


@settings(deadline=None, max_examples=150)
@given(FILLS, st.builds(held, st.integers(-4, 4), st.integers(-4, 4)))
def test_trips_are_what_a_slow_loop_finds(fills: list[Fill], opening: dict[int, int]) -> None:
    trips = trips_of(books_of(fills).fills, opening)
    columns = (trips.closed_ms, trips.opened_ms, trips.strategy, trips.pnl_e8, trips.fee_e8)
    assert sorted(zip(*(c.tolist() for c in columns), strict=True)) == slow_trips(fills, opening)


@settings(deadline=None, max_examples=60)
@given(FILLS)
def test_statistics_are_exact(fills: list[Fill]) -> None:
    found = read_statistics(books_of(fills), ZoneInfo("UTC"), 100)
    figures = found.totals.figures
    trips = slow_trips(fills)
    nets = [pnl - fee for _, _, _, pnl, fee in trips]
    assert figures.fills == figures.orders == len(fills)
    assert figures.net_e8 == sum(f.pnl_e8 - f.fee_e8 for f in fills)
    assert figures.volume_e8 == sum(f.price_e8 * abs(f.lots * 1000) // E8 for f in fills)
    assert (figures.wins, figures.losses) == (sum(n > 0 for n in nets), sum(n < 0 for n in nets))
    assert figures.won_e8 + figures.lost_e8 == sum(nets)
    assert figures.held_ms == sum(closed - opened for closed, opened, *_ in trips)
    net = peak = deepest = 0
    for fill in sorted(fills, key=lambda f: f.ts_ms):
        net += fill.pnl_e8 - fill.fee_e8
        peak = max(peak, net)
        deepest = max(deepest, peak - net)
    assert found.totals.drawdown.amount_e8 == deepest
    for groups in (found.by_strategy, found.by_symbol):
        assert sum(group.figures.net_e8 for group in groups) == figures.net_e8
        assert sum(group.figures.trips for group in groups) == figures.trips
        assert (
            sum(g.exposure.in_position_ms for g in groups) >= found.totals.exposure.in_position_ms
        )


@settings(deadline=None, max_examples=40)
@given(FILLS)
def test_exposure_is_what_a_walk_through_time_sees(fills: list[Fill]) -> None:
    begin, end = 5, 70
    held = exposure_of(books_of(fills), begin, end)
    seen = []
    for ms in range(begin, end):
        level = 0
        for symbol in (2, 3):
            mine = [f for f in sorted(fills, key=lambda f: f.ts_ms) if f.symbol == symbol]
            mine = [f for f in mine if f.ts_ms <= ms]
            if mine:
                level += mine[-1].price_e8 * abs(sum(f.lots for f in mine)) * 1000 // E8
        seen.append(level)
    assert held.in_position_ms == sum(level > 0 for level in seen)
    if held.in_position_ms:
        mean = sum(seen) / held.in_position_ms / E8
        assert held.average_notional == pytest.approx(mean)


@given(st.integers(0, 10**13), st.integers(0, 10**11))
def test_a_notional_never_overflows(price_e8: int, qty_e8: int) -> None:
    (found,) = notional_e8(np.array([price_e8]), np.array([qty_e8]))
    assert found == price_e8 * qty_e8 // E8


@settings(deadline=None, max_examples=60)
@given(st.lists(IN_2023_MS, min_size=1, max_size=30), st.sampled_from(ZONES))
def test_days_and_hours_are_those_of_the_viewers_clock(times_ms: list[int], name: str) -> None:
    zone = zone_of(name)
    fills = [Fill(ms, 2, 4, 1, E8, 3, 1) for ms in times_ms]
    slow: dict[str, int] = defaultdict(int)
    for ms in times_ms:
        slow[datetime.fromtimestamp(ms / 1000, zone).date().isoformat()] += 1
    days = list_days(books_of(fills), zone)
    assert [(day.day, day.count) for day in days] == sorted(slow.items(), reverse=True)
    assert sum(day.net_e8 for day in days) == 2 * len(times_ms)
    for day in days:
        for ms in (day.from_ms, day.to_ms - 1):
            assert datetime.fromtimestamp(ms / 1000, zone).date().isoformat() == day.day
        assert midnight_before(day.to_ms - 1, zone) == day.from_ms
    hours = [datetime.fromtimestamp(ms / 1000, zone).hour for ms in times_ms]
    assert hours_of(np.array(times_ms), zone).tolist() == hours


def test_a_zone_that_is_not_there_is_refused() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", "", "/etc/localtime"):
        with pytest.raises(UnknownZone):
            zone_of(name)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-99, 99)), min_size=1, max_size=300))
def test_a_thinned_curve_keeps_its_peaks_and_its_end(points: list[tuple[int, int]]) -> None:
    points.sort(key=lambda point: point[0])
    ts_ms, values = (np.array(column) for column in zip(*points, strict=True))
    kept = thin(ts_ms, values, 20)
    assert len(kept) <= 20
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    assert values[kept].max() == values.max()
    assert values[kept].min() == values.min()
