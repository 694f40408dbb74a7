from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hft.simulator.aggregate import LOOK_AHEAD_NS, AggregateDeriver, sum_texts
from hft.simulator.recording import Recorded, parse_line


def message(kind: str, stamp: int, symbol: str = "BTCUSDT", **data: Any) -> Recorded:
    data = {"e": kind, "E": stamp, "s": symbol, **data}
    name = {"trade": "@trade", "bookTicker": "@bookTicker"}[kind]
    return Recorded(stamp, symbol.lower() + name, orjson.dumps(data), data)


def trade(number: int, price: str = "1.0", kind: str = "MARKET", **more: Any) -> Recorded:
    data = {"t": number, "p": price, "q": "0.001", "X": kind, "m": False, "T": 5, **more}
    return message("trade", number, **data)


def derive(*messages: Recorded) -> list[Recorded]:
    return list(AggregateDeriver(frozenset()).feed(messages))


def test_consecutive_trades_of_one_print_become_one_message_after_the_last() -> None:
    ticker = message("bookTicker", 2, u=1)
    out = derive(trade(1), ticker, trade(3), trade(4, "1.1"))
    assert [(m.kind, m.data.get("t"), m.data.get("f"), m.data.get("l")) for m in out] == [
        ("trade", 1, None, None),
        ("bookTicker", None, None, None),
        ("trade", 3, None, None),
        ("aggTrade", None, 1, 3),
        ("trade", 4, None, None),
        ("aggTrade", None, 4, 4),
    ]
    assert [m.data["q"] for m in out if m.derived] == ["0.002", "0.001"]


def test_prints_of_the_insurance_fund_are_left_out() -> None:
    out = derive(trade(1), trade(2, "9.9", "INSURANCE_FUND"), trade(3))
    aggregates = [m.data for m in out if m.derived]
    assert [(a["f"], a["l"], a["q"]) for a in aggregates] == [(1, 3, "0.002")]
    assert [m.data["t"] for m in out if m.kind == "trade"] == [1, 2, 3]


def test_a_recorded_aggregate_is_not_derived_again() -> None:
    deriver = AggregateDeriver(frozenset({"BTCUSDT"}))
    assert [m.kind for m in deriver.feed([trade(1), trade(2, "2.0")])] == ["trade", "trade"]


def test_a_group_is_closed_when_the_look_ahead_is_used_up() -> None:
    late = message("bookTicker", LOOK_AHEAD_NS + 10, u=1)
    deriver = AggregateDeriver(frozenset())
    source = iter([trade(1), late])
    first = [m.kind for m in deriver.feed(source)]
    assert first == ["trade", "aggTrade", "bookTicker"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B"]),
            st.sampled_from(["1.0", "1.1"]),
            st.booleans(),
            st.integers(1, 3),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_every_trade_is_in_exactly_one_aggregate_and_nothing_is_reordered(
    rows: list[tuple[str, str, bool, int, bool]],
) -> None:
    messages = []
    for number, (symbol, price, maker, time_ms, is_trade) in enumerate(rows):
        messages.append(
            trade(number, price, m=maker, T=time_ms, symbol=symbol)
            if is_trade
            else message("bookTicker", number, symbol, u=number)
        )
    out = derive(*messages)
    assert [m for m in out if not m.derived] == messages
    for symbol in ("A", "B"):
        mine = [m.data for m in messages if m.kind == "trade" and m.symbol == symbol]
        covered = [m.data for m in out if m.derived and m.symbol == symbol]
        total = sum(Decimal(data["q"]) for data in mine)
        assert sum(Decimal(data["q"]) for data in covered) == total
        ends = {data["t"] for data in mine}
        assert {data["l"] for data in covered} <= ends
        for data in covered:
            inside = [row for row in mine if data["f"] <= row["t"] <= data["l"]]
            assert {(row["p"], row["m"], row["T"]) for row in inside} == {
                (data["p"], data["m"], data["T"])
            }


def test_quantities_add_up_exactly() -> None:
    assert sum_texts(["0.1", "0.25"]) == "0.35"
    assert sum_texts(["7.000"]) == "7.000"


def test_lines_that_cannot_be_played_are_told_apart() -> None:
    body = b'{"e":"trade","E":2,"T":1,"s":"BTCUSDT","t":7,"p":"1.0","q":"2","m":true}'
    good = b'1680652800005184 {"stream":"btcusdt@trade","data":' + body + b"}\n"
    parsed = parse_line(good)
    assert parsed is not None
    assert parsed.stamp_ns == 1680652800005184000
    assert parsed.payload == body
    for line in (
        b"",
        b"\n",
        b'{"stream":"x","data":{}}',
        b'1680652800005184 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}',
        b'1680652800005184 {"lastUpdateId":1,"bids":[],"asks":[]}',
        b'1680652800005184 {"stream":"x@kline_1m","data":{"e":"kline","s":"X"}}',
        b"1680652800005184 {broken",
        b'1680652800005184 {"stream":"x","data":{"e":[],"s":"X"}}',
        b"1680652800005184 [1,2]",
        b'1680652800005184 {"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate"}]}',
    ):
        assert parse_line(line) is None
    swapped = b'1721347020984480942 {"data":' + body + b',"stream":"btcusdt@trade"}'
    other = parse_line(swapped)
    assert other is not None
    assert (other.stream, other.stamp_ns) == ("btcusdt@trade", 1721347020984480942)
