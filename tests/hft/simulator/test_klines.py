"""Kline streams: paced, closed exactly once, equal to the candles of REST."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from hft.simulator.candle_messages import kline_row
from hft.simulator.intervals import HOUR_MS, INTERVALS, MINUTE_MS, open_of, step
from hft.simulator.matching import BUY, SELL

from .lone import Lone

KLINE = "t T s i f L o c h l v n x q V Q B"
FIGURES = "tohlcvTqnVQB"


def test_an_event_has_the_fields_of_the_venue_in_order() -> None:
    lone = Lone()
    plain = lone.listen("btcusdt@kline_1m")
    continuous = lone.listen("btcusdt_perpetual@continuousKline_1m")
    lone.trade(5)
    lone.pass_ms(250)
    assert " ".join(plain[0]) == "e E s k"
    assert " ".join(plain[0]["k"]) == KLINE
    assert (plain[0]["e"], plain[0]["k"]["x"], plain[0]["k"]["n"]) == ("kline", False, 1)
    assert " ".join(continuous[0]) == "e E ps ct k"
    assert " ".join(continuous[0]["k"]) == KLINE.replace(" s", "")
    assert (continuous[0]["e"], continuous[0]["ct"]) == ("continuous_kline", "PERPETUAL")
    assert {k: v for k, v in plain[0]["k"].items() if k != "s"} == continuous[0]["k"]


def test_it_is_sent_every_quarter_second_while_it_changes_and_not_without_change() -> None:
    lone = Lone()
    heard = lone.listen("btcusdt@kline_5m")
    for _ in range(100):
        lone.trade(1)
        lone.pass_ms(20)
    assert [later["E"] - earlier["E"] for earlier, later in pairwise(heard)] == [250] * (
        len(heard) - 1
    )
    assert len(heard) == 8
    assert [event["k"]["n"] for event in heard] == sorted(event["k"]["n"] for event in heard)
    lone.pass_ms(250)
    before = len(heard)
    lone.pass_ms(10_000)
    assert len(heard) == before


@pytest.mark.parametrize("interval", ["1m", "3m", "1h", "1d", "1w", "1M"])
def test_a_candle_closes_exactly_once_with_the_figures_of_rest(interval: str) -> None:
    begin_ms = open_of(interval, 1_790_000_040_000)
    end_ms = step(interval, begin_ms, 1)
    lone = Lone(start_ms=end_ms - 3_000)
    heard = lone.listen("btcusdt@kline_" + interval)
    for side in (BUY, SELL, BUY):
        lone.trade(7, side)
        lone.pass_ms(700)
    lone.pass_ms(5_000)
    lone.trade(1)
    lone.pass_ms(5_000)
    closed = [event["k"] for event in heard if event["k"]["x"]]
    assert len(closed) == 1
    assert (closed[0]["t"], closed[0]["T"]) == (begin_ms, end_ms - 1)
    symbol = lone.listing.symbol
    candle = lone.history.candles.window(interval, (begin_ms, begin_ms), 1, lone.now_ms)[0]
    assert [closed[0][letter] for letter in FIGURES] == kline_row(symbol, interval, candle)
    last = next(event["E"] for event in heard if event["k"]["x"])
    assert end_ms <= last < end_ms + 250
    opens = [event["k"]["t"] for event in heard]
    assert opens == sorted(opens)


def test_a_candle_without_a_trade_says_so() -> None:
    lone = Lone()
    heard = lone.listen("btcusdt@kline_1m")
    lone.trade(3)
    lone.pass_ms(2 * MINUTE_MS + 1_000)
    told = [(e["k"]["n"], e["k"]["f"], e["k"]["L"], e["k"]["x"], e["k"]["t"]) for e in heard]
    begin_ms, trade_id = open_of("1m", heard[0]["E"]), heard[0]["k"]["f"]
    assert told == [
        (1, trade_id, trade_id, False, begin_ms),
        (1, trade_id, trade_id, True, begin_ms),
        (0, -1, -1, False, begin_ms + MINUTE_MS),
        (0, -1, -1, True, begin_ms + MINUTE_MS),
        (0, -1, -1, False, begin_ms + 2 * MINUTE_MS),
    ]
    prices = {heard[-1]["k"][letter] for letter in "ohlc"}
    assert prices == {heard[0]["k"]["c"]}


def test_every_interval_of_a_busy_hour_is_the_candle_of_its_trades() -> None:
    lone = Lone(start_ms=open_of("1h", 1_790_000_040_000))
    heard = {name: lone.listen("btcusdt@kline_" + name) for name in INTERVALS}
    for number in range(70):
        lone.trade(1 + number % 9, BUY if number % 4 else SELL)
        lone.pass_ms(MINUTE_MS, step_ms=250)
    for interval, events in heard.items():
        closed: dict[int, Any] = {
            event["k"]["t"]: event["k"] for event in events if event["k"]["x"]
        }
        assert len(closed) == sum(event["k"]["x"] for event in events)
        rows = lone.history.candles.window(interval, (None, None), 500, lone.now_ms)
        expected = {row.open_ms: row for row in rows[:-1]}
        assert closed.keys() == expected.keys()
        for open_ms, candle in expected.items():
            told = [closed[open_ms][letter] for letter in FIGURES]
            assert told == kline_row(lone.listing.symbol, interval, candle)
        assert events[-1]["k"]["n"] == rows[-1].count


def test_who_comes_back_after_a_pause_gets_no_stale_close() -> None:
    lone = Lone()
    lone.trade(1)
    first = lone.listen("btcusdt@kline_1m")
    lone.pass_ms(1_000)
    lone.deafen()
    lone.pass_ms(HOUR_MS, step_ms=1_000)
    assert [event["k"]["x"] for event in first] == [False]
    heard = lone.listen("btcusdt@kline_1m")
    lone.pass_ms(1_000)
    assert [event["k"]["x"] for event in heard] == [False]
