"""Market streams beside klines and depth: their fields, their pace, and who hears them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from hft.simulator.matching import BUY, SELL
from hft.simulator.outcomes import ForcedOrder
from tests.recordings import FOLDER, needs

from .lone import TOUCH_TICKS, Lone

TICKER = "e E s ps p P w c Q o h l v q O C F L n st"
MINI = "e E s ps c o h l v q st"
BOOK = "e u s ps b B a A T E st"
MARK = "e E s p ap P i r T st"
CONTRACT = "e E s ps ct dt ot cs"
ASSET = "e E s i b a B A q g Q G"


@pytest.mark.parametrize(("stream", "fields"), [("ticker", TICKER), ("miniTicker", MINI)])
def test_a_symbols_ticker_comes_every_two_seconds(stream: str, fields: str) -> None:
    lone = Lone()
    heard = lone.listen("btcusdt@" + stream)
    lone.trade(5)
    lone.trade(7, SELL)
    lone.pass_ms(8_000)
    assert [later["E"] - earlier["E"] for earlier, later in pairwise(heard)] == [2_000] * 3
    assert heard[0]["E"] % 2_000 == 0
    assert " ".join(heard[0]) == fields
    assert (heard[0]["o"], heard[0]["c"]) == ("60000.10", "59999.90")
    assert (heard[0]["v"], heard[0]["q"]) == ("0.012", "720.00")
    if stream == "ticker":
        assert (heard[0]["p"], heard[0]["P"], heard[0]["n"]) == ("-0.20", "0.000", 2)
        assert (heard[0]["w"], heard[0]["Q"]) == ("59999.98", "0.007")


@pytest.mark.parametrize("kind", ["ticker", "miniTicker"])
def test_arrays_come_every_second_with_what_has_changed(kind: str) -> None:
    lone = Lone("BTCUSDT", "ETHUSDT")
    heard = lone.listen(f"!{kind}@arr")
    eth = lone.venue.exchange.listings["ETHUSDT"]
    lone.trade(1)
    lone.trade(1, listing=eth)
    lone.pass_ms(1_000)
    lone.trade(1, listing=eth)
    lone.pass_ms(5_000)
    assert [[row["s"] for row in rows] for rows in heard] == [["BTCUSDT", "ETHUSDT"], ["ETHUSDT"]]


def test_the_best_prices_of_all_symbols_come_every_five_seconds() -> None:
    lone = Lone("BTCUSDT", "ETHUSDT")
    every, one = lone.listen("!bookTicker", "public"), lone.listen("btcusdt@bookTicker", "public")
    lone.trade(1)
    lone.pass_ms(10_000)
    assert [event["s"] for event in every] == ["BTCUSDT", "ETHUSDT"] * 2
    assert every[2]["E"] - every[0]["E"] == 5_000
    assert " ".join(every[0]) == " ".join(one[0]) == BOOK
    assert len(one) == 1
    assert (one[0]["A"], one[0]["a"]) == ("999.999", "60000.10")


def test_mark_prices_come_each_second_or_each_third_and_in_arrays() -> None:
    lone = Lone("BTCUSDT", "ETHUSDT")
    heard = {
        name: lone.listen(name)
        for name in ("btcusdt@markPrice", "btcusdt@markPrice@1s", "!markPrice@arr")
    }
    fast = lone.listen("!markPrice@arr@1s")
    lone.pass_ms(9_000)
    assert len(heard["btcusdt@markPrice"]) == len(heard["!markPrice@arr"]) == 3
    assert len(heard["btcusdt@markPrice@1s"]) == len(fast) == 9
    assert [row["s"] for row in fast[0]] == ["BTCUSDT", "ETHUSDT"]
    assert fast[4][0] == heard["btcusdt@markPrice@1s"][4]
    assert " ".join(fast[0][0]) == MARK
    assert fast[0][0]["E"] % 1_000 == 0


def test_a_symbol_whose_marks_are_recorded_is_still_in_the_arrays() -> None:
    lone = Lone()
    lone.venue.publisher.leave_to_recording(frozenset({"btcusdt@markPrice@1s"}))
    lone.listing.mark_e8 = 1_000
    own, array = lone.listen("btcusdt@markPrice@1s"), lone.listen("!markPrice@arr@1s")
    lone.pass_ms(2_000)
    assert own == []
    assert array[0][0]["p"] == "0.00001000"


def test_the_largest_forced_order_of_a_second_is_told_at_its_end() -> None:
    lone = Lone()
    one, every = lone.listen("btcusdt@forceOrder"), lone.listen("!forceOrder@arr")

    def force(lots: int) -> None:
        symbol, at_ms = lone.listing.symbol, lone.now_ms
        order = ForcedOrder(symbol, SELL, lots, TOUCH_TICKS - 9, TOUCH_TICKS, at_ms)
        lone.venue.exchange.say(order)
        lone.flush()

    for lots in (3, 8, 5):
        force(lots)
        lone.pass_ms(100)
    assert one == []
    lone.pass_ms(800)
    assert [event["o"]["q"] for event in one] == ["0.008"]
    force(2)
    lone.pass_ms(3_000)
    assert [event["o"]["q"] for event in one] == ["0.008", "0.002"]
    assert one == every
    assert one[1]["E"] - one[0]["E"] >= 1_000


def test_a_changed_contract_is_told_and_its_tiers_only_when_they_changed() -> None:
    lone = Lone()
    heard = lone.listen("!contractInfo")
    publisher = lone.venue.publisher
    publisher.send_contract_info(lone.listing, lone.now_ms, status="SETTLING")
    publisher.send_contract_info(lone.listing, lone.now_ms, brackets=True)
    assert " ".join(heard[0]) == CONTRACT + " st"
    assert " ".join(heard[1]) == CONTRACT + " bks st"
    assert [event["cs"] for event in heard] == ["SETTLING", "TRADING"]
    tiers = heard[1]["bks"]
    assert tiers[0] == {
        "bs": 1, "bnf": 0, "bnc": 300_000, "mmr": 0.004, "cf": 0, "mi": 101, "ma": 150,
    }  # fmt: skip
    for lower, upper in pairwise(tiers):
        assert (lower["bnc"], lower["mi"] - 1) == (upper["bnf"], upper["ma"])
    assert tiers[-1]["mi"] == 1


def test_asset_indexes_come_each_second() -> None:
    lone = Lone()
    one, every = lone.listen("btcusd@assetIndex"), lone.listen("!assetIndex@arr")
    lone.pass_ms(2_000)
    assert [row["s"] for row in every[1]] == ["USDTUSD", "BTCUSD"]
    assert one == [rows[1] for rows in every]
    assert " ".join(one[0]) == ASSET
    assert (one[0]["i"], one[0]["B"], one[0]["A"]) == (
        "60000.00000000",
        "57000.00000000",
        "63000.00000000",
    )


@pytest.mark.parametrize("name", ["btcusdt@compositeIndex", "tradingSession", "btcusdt@nothing"])
def test_a_stream_that_nothing_feeds_is_silent(name: str) -> None:
    lone = Lone()
    heard = lone.listen(name)
    lone.trade(1)
    lone.pass_ms(6_000)
    assert heard == []


def test_the_trades_of_one_order_at_one_price_are_one_aggregate() -> None:
    lone = Lone()
    listing, exchange = lone.listing, lone.venue.exchange
    trades, aggregates = lone.listen("btcusdt@trade", "public"), lone.listen("btcusdt@aggTrade")
    for _ in range(2):
        exchange.house_order(listing, SELL, (TOUCH_TICKS + 1, 5), lone.now_ms)
    lone.trade(1_000_007)
    lone.trade(1_000_000)
    assert [trade["q"] for trade in trades] == ["1000.000", "0.005", "0.002", "0.003", "999.997"]
    assert [(a["q"], a["p"]) for a in aggregates] == [
        ("1000.007", "60000.10"),
        ("0.003", "60000.10"),
        ("999.997", "60000.20"),
    ]
    assert [(a["f"], a["l"]) for a in aggregates] == [
        (trades[0]["t"], trades[2]["t"]),
        (trades[3]["t"], trades[3]["t"]),
        (trades[4]["t"], trades[4]["t"]),
    ]
    first = lone.history.aggregates[0].aggregate_id
    assert [a["a"] for a in aggregates] == [first, first + 1, first + 2]


def frames() -> list[dict[str, Any]]:
    path = FOLDER / "frames" / "single_frames_2026.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


@needs("frames")
def test_events_have_the_keys_and_types_of_frames_of_the_live_venue() -> None:
    recorded = {}
    for frame in frames():
        data = frame.get("data", frame)
        recorded[data["e"]] = data
    lone = Lone()
    heard: list[Any] = lone.listen(
        "btcusdt@aggTrade/btcusdt@markPrice/btcusdt@kline_1m/btcusdt@depth5@100ms"
        "/btcusdt@bookTicker/btcusdt@forceOrder"
    )
    lone.trade(1)
    lone.venue.exchange.say(ForcedOrder(lone.listing.symbol, BUY, 1, 1, 1, lone.now_ms))
    lone.flush()
    lone.pass_ms(3_000)
    told = {event["e"]: event for event in heard}
    assert told.keys() == recorded.keys()
    for name, event in told.items():
        assert _typed(event) == _typed(recorded[name])


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _typed(inner)) for key, inner in value.items()]
    return type(value).__name__
