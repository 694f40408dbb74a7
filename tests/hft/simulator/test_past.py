from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.simulator.candles import merged
from hft.simulator.desk import FIRST_TRADE_ID, Listing
from hft.simulator.history import FIRST_AGGREGATE_ID, History
from hft.simulator.intervals import DAY_MS, FIXED_MS, HOUR_MS, INTERVALS, MINUTE_MS, open_of
from hft.simulator.symbols import BTCUSDT, ETHUSDT, Symbol

NOW_MS = 1_790_000_073_123
LAST_TICKS = 600_000


def made_up(seed: int = 1, symbol: Symbol = BTCUSDT, now_ms: int = NOW_MS) -> History:
    listing = Listing(symbol)
    listing.last_ticks = LAST_TICKS
    history = History(symbol)
    history.make_up_past(listing, seed, now_ms)
    return history


@pytest.mark.parametrize("interval", INTERVALS)
def test_hundreds_of_candles_are_there_and_end_at_the_opening_price(interval: str) -> None:
    rows = made_up().candles.window(interval, (None, None), 500, NOW_MS)
    assert len(rows) >= {"1M": 80, "1w": 350}.get(interval, 500)
    assert rows[-1].close == LAST_TICKS
    assert rows[-1].open_ms == open_of(interval, NOW_MS)
    for row in rows:
        assert 0 < row.low <= min(row.open, row.close)
        assert max(row.open, row.close) <= row.high
        assert row.lots * row.low <= row.value <= row.lots * row.high
        assert 0 < row.buy_lots < row.lots
        assert row.last_id - row.first_id + 1 == row.count
    for earlier, later in pairwise(rows):
        assert earlier.close == later.open
        assert earlier.last_id + 1 == later.first_id > 0
    assert len({row.close for row in rows}) > len(rows) // 2, "a flat past is no past"


def test_the_same_seed_and_opening_tell_the_same_past_however_it_is_asked() -> None:
    one, other, third = made_up(), made_up(), made_up(seed=2)
    one.candles.window("1d", (None, None), 1_500, NOW_MS)
    for interval in ("1m", "4h", "1w"):
        rows = one.candles.window(interval, (None, None), 300, NOW_MS)
        assert other.candles.window(interval, (None, None), 300, NOW_MS) == rows
        assert third.candles.window(interval, (None, None), 300, NOW_MS) != rows
    assert list(one.trades) == list(other.trades)
    assert made_up(symbol=ETHUSDT).trades[0].lots != one.trades[0].lots


@given(st.sampled_from(list(FIXED_MS)), st.integers(0, 7 * DAY_MS))
def test_longer_candles_are_made_of_the_minutes(interval: str, back_ms: int) -> None:
    history = made_up()
    open_ms = open_of(interval, NOW_MS - back_ms)
    if open_ms < NOW_MS - 8 * DAY_MS:
        return
    minutes = history.candles.window(
        "1m", (open_ms, open_ms + FIXED_MS[interval] - 1), 20_000, NOW_MS
    )
    assert history.candles.candle(interval, open_ms) == merged(open_ms, minutes)


def test_the_last_prints_lead_up_to_the_first_of_the_venue() -> None:
    history = made_up()
    ids = [trade.trade_id for trade in history.trades]
    assert ids == list(range(FIRST_TRADE_ID - len(ids), FIRST_TRADE_ID))
    assert history.trades[-1].price_ticks == LAST_TICKS
    times = [trade.time_ms for trade in history.trades]
    assert times == sorted(times)
    assert NOW_MS - MINUTE_MS < times[0] < times[-1] < NOW_MS
    assert [a.aggregate_id for a in history.aggregates][-1] == FIRST_AGGREGATE_ID - 1
    assert history.next_aggregate_id == FIRST_AGGREGATE_ID
    trades = {trade.trade_id: trade for trade in history.trades}
    for aggregate in history.aggregates:
        parts = [trades[i] for i in range(aggregate.first_id, aggregate.last_id + 1)]
        assert sum(part.lots for part in parts) == aggregate.lots
        assert {(p.price_ticks, p.buyer_is_maker, p.time_ms) for p in parts} == {
            (aggregate.price_ticks, aggregate.buyer_is_maker, aggregate.time_ms)
        }
    assert max(a.last_id - a.first_id for a in history.aggregates) > 0


def test_minutes_reach_back_days_and_hours_a_year() -> None:
    candles = made_up().candles
    assert candles.window("1m", (0, None), 1, NOW_MS)[0].open_ms < NOW_MS - 8 * DAY_MS
    assert candles.window("1h", (0, None), 1, NOW_MS)[0].open_ms < NOW_MS - 60 * DAY_MS
    assert candles.window("4h", (0, None), 1, NOW_MS)[0].open_ms < NOW_MS - 399 * DAY_MS
    first = candles.window("1d", (0, None), 1, NOW_MS)[0]
    assert first.open_ms == open_of("1d", BTCUSDT.onboard_ms)
    assert candles.window("1m", (0, NOW_MS - 30 * DAY_MS), 500, NOW_MS) == []
    assert candles.close_before(BTCUSDT.onboard_ms - DAY_MS) is None


def test_mark_index_and_premium_have_a_past_too() -> None:
    history = made_up()
    trades = history.candles.window("1h", (None, None), 50, NOW_MS)
    marks = history.marks.window("1h", (None, NOW_MS - HOUR_MS), 49, NOW_MS)
    assert [row.close for row in marks] == [row.close * BTCUSDT.tick_e8 for row in trades[:-1]]
    assert all(row.lots == 0 for row in marks)
    indexes = history.indexes.window("1h", (None, NOW_MS - HOUR_MS), 49, NOW_MS)
    assert all(index.close < mark.close for index, mark in zip(indexes, marks, strict=True))
    premiums = history.premiums.window("1h", (None, NOW_MS - HOUR_MS), 49, NOW_MS)
    assert all(row.low <= row.close <= row.high for row in premiums)
    assert min(row.close for row in premiums) < 0 < max(row.close for row in premiums)
    for earlier, later in pairwise(premiums):
        assert earlier.close == later.open


def test_a_contract_that_is_young_has_a_short_past() -> None:
    history = made_up(now_ms=BTCUSDT.onboard_ms + 3 * DAY_MS)
    now_ms = BTCUSDT.onboard_ms + 3 * DAY_MS
    for interval in ("1m", "1h", "1d"):
        rows = history.candles.window(interval, (0, None), 1, now_ms)
        assert rows[0].open_ms == open_of("1d", BTCUSDT.onboard_ms)
