from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator.candles import Candle, CandleStore, flat
from hft.simulator.intervals import DAY_MS, HOUR_MS, INTERVALS, MINUTE_MS, open_of, step

START_MS = 1_790_000_040_000
YEARS = st.integers(0, 80 * 366 * DAY_MS)
# Gaps from none to a few hours: some trades share a minute, some leave an hour empty.
TRADES = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 999, 30_000, 61_000, 7 * MINUTE_MS, 5 * HOUR_MS]),
        st.integers(1, 2_000),
        st.integers(1, 50),
        st.booleans(),
    ),
    min_size=1,
    max_size=120,
)
Trade = tuple[int, int, int, bool]


@given(YEARS)
def test_a_week_begins_on_monday_and_a_month_on_the_first(time_ms: int) -> None:
    for interval in INTERVALS:
        open_ms = open_of(interval, time_ms)
        assert open_ms <= time_ms < step(interval, open_ms, 1)
        assert open_of(interval, open_ms) == open_ms
        assert open_of(interval, open_ms - 1) == step(interval, open_ms, -1)
    week = datetime.fromtimestamp(open_of("1w", time_ms) / 1_000, UTC)
    assert (week.weekday(), week.hour, week.minute) == (0, 0, 0)
    when = datetime.fromtimestamp(time_ms / 1_000, UTC)
    month = datetime.fromtimestamp(open_of("1M", time_ms) / 1_000, UTC)
    assert month == datetime(when.year, when.month, 1, tzinfo=UTC)


def stamped(gaps: list[Trade]) -> list[Trade]:
    time_ms, trades = START_MS, []
    for gap_ms, ticks, lots, maker in gaps:
        time_ms += gap_ms
        trades.append((time_ms, ticks, lots, maker))
    return trades


def filled(trades: list[Trade]) -> CandleStore:
    store = CandleStore()
    for number, (time_ms, ticks, lots, maker) in enumerate(trades):
        store.trade(time_ms, ticks, lots, number, buyer_is_maker=maker)
    return store


def plainly(trades: list[Trade], interval: str, now_ms: int) -> list[Candle]:
    """Candles from the raw trades, in the plainest way."""
    candles: list[Candle] = []
    open_ms = open_of(interval, trades[0][0])
    while open_ms <= now_ms:
        end_ms = step(interval, open_ms, 1)
        inside = [(i, t) for i, t in enumerate(trades) if open_ms <= t[0] < end_ms]
        if inside:
            prices = [ticks for _, (_, ticks, _, _) in inside]
            bought = [(ticks, lots) for _, (_, ticks, lots, maker) in inside if not maker]
            candles.append(
                Candle(
                    open_ms,
                    prices[0],
                    max(prices),
                    min(prices),
                    prices[-1],
                    lots=sum(lots for _, (_, _, lots, _) in inside),
                    value=sum(ticks * lots for _, (_, ticks, lots, _) in inside),
                    count=len(inside),
                    buy_lots=sum(lots for _, lots in bought),
                    buy_value=sum(ticks * lots for ticks, lots in bought),
                    first_id=inside[0][0],
                    last_id=inside[-1][0],
                )
            )
        else:
            candles.append(flat(open_ms, candles[-1].close))
        open_ms = end_ms
    return candles


@given(TRADES, st.sampled_from(INTERVALS), st.integers(0, 3 * HOUR_MS))
@settings(deadline=None)
def test_candles_of_every_interval_are_those_of_the_raw_trades(
    gaps: list[Trade], interval: str, later_ms: int
) -> None:
    trades = stamped(gaps)
    now_ms = trades[-1][0] + later_ms
    store, expected = filled(trades), plainly(trades, interval, now_ms)
    assert store.window(interval, (None, None), 1_500, now_ms) == expected[-1_500:]
    assert store.window(interval, (0, None), 7, now_ms) == expected[:7]
    assert store.window(interval, (None, now_ms), 7, now_ms) == expected[-7:]
    middle = expected[len(expected) // 2]
    assert store.candle(interval, middle.open_ms) == middle
    inside = store.window(interval, (middle.open_ms, middle.open_ms), 7, now_ms)
    assert inside == [middle]
    after = store.window(interval, (middle.open_ms + 1, None), 1_500, now_ms)
    assert after == expected[len(expected) // 2 + 1 :][:1_500]


@given(TRADES)
def test_what_is_asked_again_and_again_is_what_the_rows_say(gaps: list[Trade]) -> None:
    trades = stamped(gaps)
    store = CandleStore()
    for number, (time_ms, ticks, lots, maker) in enumerate(trades):
        store.trade(time_ms, ticks, lots, number, buyer_is_maker=maker)
        open_ms = open_of("1h", time_ms)
        told = store.since("1h", open_ms)
        assert told == plainly(trades[: number + 1], "1h", time_ms)[-1]


def test_old_minutes_become_hours_and_old_hours_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hft.simulator.candles.MINUTES_KEPT", 90)
    monkeypatch.setattr("hft.simulator.candles.HOURS_KEPT", 10)
    trades = [(START_MS + minute * MINUTE_MS, 100 + minute, 1, False) for minute in range(1_500)]
    store, now_ms = filled(trades), trades[-1][0]
    hours = store.window("1h", (None, None), 1_500, now_ms)
    assert hours == plainly(trades, "1h", now_ms)[-len(hours) :]
    assert 11 <= len(hours) <= 12
    minutes = store.window("1m", (None, None), 1_500, now_ms)
    assert minutes == plainly(trades, "1m", now_ms)[-len(minutes) :]
    assert 30 <= len(minutes) <= 90


def test_a_store_without_a_price_has_no_candle() -> None:
    store = CandleStore()
    assert store.window("1d", (None, None), 500, START_MS) == []
    assert store.candle("1d", 0) is None
    assert store.since("1d", 0) is None
    assert store.close_before(START_MS) is None
