"""What market data requests say of one market agrees with each other, whoever asks how."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator.history_calls import candle_weight
from hft.simulator.intervals import HOUR_MS, INTERVALS, MINUTE_MS, open_of
from hft.simulator.rest import ROUTES, Request, RestDoor

from .lone import Lone
from .wire import API_KEY, Simulator

PATHS = sorted(
    path
    for method, path in ROUTES
    if method == "GET" and ("Kline" in path or "klines" in path or "rades" in path)
) + sorted(path for _, path in ROUTES if "/futures/data/" in path or "funding" in path)
NAMES = ("symbol", "pair", "contractType", "interval", "period", "limit")
NAMES += ("startTime", "endTime", "fromId")
GOOD = {"symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL"}
GOOD |= {"interval": "1M", "period": "1h"}
VALUES = st.one_of(
    st.text(max_size=5),
    st.integers(-10, 10**22).map(str),
    st.sampled_from(["1500", "1790000040000", "1787000000000", "ETHUSDT", "1w", "5m", "1.5"]),
)


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_of_any_interval_stand_side_by_side(exchange: Simulator, interval: str) -> None:
    rows = exchange.get(f"/fapi/v1/klines?symbol=BTCUSDT&interval={interval}&limit=300")
    assert len(rows) > 80
    for row, later in pairwise(rows):
        assert row[6] + 1 == later[0] == open_of(interval, later[0])
        assert Decimal(row[3]) <= Decimal(row[1]) <= Decimal(row[2])
    assert rows[-1][6] >= exchange.get("/fapi/v1/time")["serverTime"] - 1_000


def test_a_candle_is_asked_for_by_its_time(exchange: Simulator) -> None:
    def klines(query: str) -> Any:
        return exchange.get("/fapi/v1/klines?symbol=BTCUSDT&interval=15m" + query)

    rows = klines("&limit=40")
    begin, end = rows[10][0], rows[20][0]
    assert klines(f"&startTime={begin}&endTime={end}") == rows[10:21]
    assert klines(f"&startTime={begin}&limit=4") == rows[10:14]
    assert klines(f"&endTime={end}&limit=4") == rows[17:21]
    assert klines(f"&startTime={begin + 1}&endTime={begin + 2}") == []
    assert klines("&startTime=99999999999999") == []
    assert klines("&endTime=5") == []


def test_trades_aggregates_and_candles_agree(exchange: Simulator) -> None:
    trades = exchange.get("/fapi/v1/trades?symbol=BTCUSDT&limit=1000")
    assert [row["id"] for row in trades] == list(
        range(trades[0]["id"], trades[0]["id"] + len(trades))
    )
    assert len(trades) > 900
    first = trades[100]["id"]
    query = f"symbol=BTCUSDT&fromId={first}&limit=50"
    assert exchange.raw("GET", "/fapi/v1/historicalTrades", query).json() == trades[100:150]
    aggregates = exchange.get("/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000")
    by_id = {row["id"]: row for row in trades}
    inside = [row for row in aggregates if row["f"] in by_id and row["l"] in by_id]
    assert len(inside) > 100
    for row in inside:
        parts = [by_id[number] for number in range(row["f"], row["l"] + 1)]
        assert sum(Decimal(part["qty"]) for part in parts) == Decimal(row["q"])
        assert {part["price"] for part in parts} == {row["p"]}
    for earlier, later in pairwise(aggregates):
        assert (earlier["a"] + 1, earlier["l"] + 1) == (later["a"], later["f"])
    again = exchange.get(f"/fapi/v1/aggTrades?symbol=BTCUSDT&fromId={aggregates[50]['a']}&limit=20")
    assert again == aggregates[50:70]
    begin, end = aggregates[50]["T"], aggregates[90]["T"]
    span = exchange.get(f"/fapi/v1/aggTrades?symbol=BTCUSDT&startTime={begin}&endTime={end}")
    assert span == [row for row in aggregates if begin <= row["T"] <= end]


def test_the_funding_history_goes_on_from_the_past(exchange: Simulator) -> None:
    rows = exchange.get("/fapi/v1/fundingRate?symbol=BTCUSDT&limit=1000")
    assert len(rows) == 1_000
    times = [row["fundingTime"] for row in rows]
    assert {later - earlier for earlier, later in pairwise(times)} == {8 * HOUR_MS}
    premium = exchange.get("/fapi/v1/premiumIndex?symbol=BTCUSDT")
    assert times[-1] + 8 * HOUR_MS == premium["nextFundingTime"]
    both = exchange.get("/fapi/v1/fundingRate?limit=10")
    assert {row["symbol"] for row in both} == {"BTCUSDT", "ETHUSDT"}
    assert len(both) == 10


def test_statistics_are_the_same_when_asked_again(exchange: Simulator) -> None:
    for name in ("openInterestHist", "topLongShortAccountRatio", "globalLongShortAccountRatio"):
        path = f"/futures/data/{name}?symbol=BTCUSDT&period=1h&limit=500"
        rows = exchange.get(path)
        assert len(rows) == 500
        assert exchange.get(path)[-499:] == rows[-499:]
        if "Ratio" in name:
            total = {Decimal(r["longAccount"]) + Decimal(r["shortAccount"]) for r in rows}
            assert total == {Decimal(1)}
    takers = exchange.get("/futures/data/takerlongshortRatio?symbol=BTCUSDT&period=1h&limit=3")
    candles = exchange.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=3")
    assert Decimal(takers[0]["buyVol"]) == Decimal(candles[0][9])


@pytest.mark.parametrize(
    ("limits", "weight"),
    [(("1", "99"), 1), (("100", "499"), 2), (("500", "1000", "", "x"), 5), (("1001", "1500"), 10)],
)
def test_candles_weigh_by_their_number(limits: tuple[str, ...], weight: int) -> None:
    assert {candle_weight({"limit": limit}) for limit in limits} == {weight}


def test_funding_and_statistics_have_pools_of_their_own(exchange: Simulator) -> None:
    def used() -> int:
        return int(exchange.raw("GET", "/fapi/v1/ping").headers["X-MBX-USED-WEIGHT-1M"])

    for path in ("/fapi/v1/fundingRate", "/fapi/v1/fundingInfo"):
        before = used()
        exchange.raw("GET", path)
        # A minute may have begun in between, with a count of its own.
        assert used() in (before + 1, 1)


def test_a_recorded_market_has_no_made_up_past() -> None:
    lone = Lone(recorded=True)
    assert lone.history.candles.window("1d", (None, None), 500, lone.now_ms) == []
    recorded = {"s": "BTCUSDT", "p": "60000.10", "q": "0.005", "t": 7, "m": False}
    lone.venue.publisher.note_recorded("trade", recorded, lone.now_ms)
    fund = {**recorded, "t": 8, "p": "28000.00", "X": "INSURANCE_FUND"}
    lone.venue.publisher.note_recorded("trade", fund, lone.now_ms)
    lone.venue.publisher.note_recorded("aggTrade", {**recorded, "a": 5, "f": 7, "l": 7}, 0)
    rows = lone.history.candles.window("1d", (None, None), 500, lone.now_ms + MINUTE_MS)
    assert [(row.low, row.close, row.first_id, row.last_id) for row in rows] == [
        (600_001, 600_001, 7, 7)
    ]
    assert lone.history.aggregates[-1].aggregate_id == 5


@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(NAMES), VALUES))
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_is_answered_or_refused(path: str, asked: dict[str, str]) -> None:
    lone = _MADE_UP[0] if _MADE_UP else Lone()
    if not _MADE_UP:
        lone.venue.publisher.make_up_past(1, lone.now_ms)
        _MADE_UP.append(lone)
    query = urlencode(GOOD | asked).encode()
    reply = RestDoor(lone.venue).answer(Request("GET", path, query, b"", API_KEY))
    assert reply.status in (200, 400)


_MADE_UP: list[Lone] = []
"""One venue for all examples: making a past takes longer than a question."""
