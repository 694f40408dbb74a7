from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator.history import TRADES_KEPT, History
from hft.simulator.intervals import DAY_MS, HOUR_MS, MINUTE_MS
from hft.simulator.outcomes import Trade
from hft.simulator.symbols import BTCUSDT

START_MS = 1_790_000_040_000
GAPS = st.lists(
    st.tuples(
        st.sampled_from([0, 5, 70_000, HOUR_MS, 11 * HOUR_MS]),
        st.integers(1, 900),
        st.integers(1, 50),
    ),
    min_size=1,
    max_size=60,
)


def traded(gaps: list[tuple[int, int, int]]) -> History:
    history, time_ms = History(BTCUSDT), START_MS
    for number, (gap_ms, ticks, lots) in enumerate(gaps):
        time_ms += gap_ms
        trade = Trade(BTCUSDT, 100 + number, ticks, lots, bool(number % 2), time_ms)
        history.add(trade)
        history.add_group([trade])
    return history


@given(GAPS, st.integers(0, 2 * DAY_MS))
@settings(deadline=None)
def test_the_last_day_is_that_of_its_trades(
    gaps: list[tuple[int, int, int]], later_ms: int
) -> None:
    history = traded(gaps)
    now_ms = history.trades[-1].time_ms + later_ms
    begin_ms = (now_ms - DAY_MS) // MINUTE_MS * MINUTE_MS
    inside = [trade for trade in history.trades if trade.time_ms >= begin_ms]
    day = history.day(now_ms)
    if not inside:
        assert day is None
        return
    assert day is not None
    assert day == history.day(now_ms)
    prices = [trade.price_ticks for trade in inside]
    candle = day.candle
    assert (candle.open, candle.close) == (prices[0], prices[-1])
    assert (candle.high, candle.low) == (max(prices), min(prices))
    assert candle.lots == sum(trade.lots for trade in inside)
    assert candle.value == sum(trade.lots * trade.price_ticks for trade in inside)
    assert (candle.first_id, candle.last_id) == (inside[0].trade_id, inside[-1].trade_id)
    assert (candle.count, day.last_lots) == (len(inside), inside[-1].lots)
    assert day.open_ms == begin_ms


def test_what_is_remembered_is_bounded() -> None:
    history = History(BTCUSDT)
    for number in range(TRADES_KEPT + 500):
        trade = Trade(BTCUSDT, number, 100, 1, False, START_MS + number)
        history.add(trade)
        history.add_group([trade])
    assert len(history.trades) == len(history.aggregates) == TRADES_KEPT
    assert [trade.trade_id for trade in history.latest_trades(2, 0)] == [500, 501]
    assert history.latest_trades(3)[-1].trade_id == TRADES_KEPT + 499
    assert history.latest_trades(3, TRADES_KEPT + 500) == []


@given(st.integers(-10, 400), st.integers(-10, 400), st.integers(1, 40))
def test_aggregates_of_a_span_are_its_first_and_without_a_start_its_last(
    start: int, end: int, limit: int
) -> None:
    history = traded([(5, 100, 1)] * 60)
    times = [aggregate.time_ms for aggregate in history.aggregates]

    def within(start_ms: int | None, end_ms: int | None) -> list[int]:
        return [a.time_ms for a in history.aggregates_within(start_ms, end_ms, limit)]

    start_ms, end_ms = START_MS + start, START_MS + end
    expected = [time_ms for time_ms in times if start_ms <= time_ms <= end_ms]
    assert within(start_ms, end_ms) == expected[:limit]
    assert within(start_ms, None) == [t for t in times if t >= start_ms][:limit]
    assert within(None, end_ms) == [t for t in times if t <= end_ms][-limit:]


def test_the_mark_average_is_that_of_thirty_seconds() -> None:
    history = History(BTCUSDT)
    assert history.mark_average_e8() == 0
    for second in range(40):
        history.add_prices(1_000 + second, 900, START_MS + 1_000 * second)
    assert history.mark_average_e8() == sum(range(1_010, 1_040)) // 30
    assert history.marks.window("1m", (None, None), 5, START_MS + 40_000)[0].high == 1_039
