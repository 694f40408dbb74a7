"""Market data requests against the reference: keys in order, types of values, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .wire import Simulator

DEPTH = """{"lastUpdateId":9160059846647,"E":1791391082100,"T":1791391082090,
 "bids":[["83434.30","4.812"]],"asks":[["83434.40","1.007"]]}"""
TRADES = """[{"id":8154045704,"price":"83434.40","qty":"0.004","quoteQty":"333.73",
 "time":1791391081874,"isBuyerMaker":true,"isRPITrade":false}]"""
KLINES = """[[1791391080000,"83410.00","83440.00","83405.10","83434.40","35.412",1791391139999,
 "2953911.70480",704,"18.110","1510420.55110","0"]]"""
PRICE_KLINES = """[[1591256460000,"9653.29201333","9654.56401333","9653.07367333","9653.07367333",
 "0",1591256519999,"0",60,"0","0","0"]]"""
PREMIUM_KLINES = """[[1691603820000,"-0.00042931","-0.00023641","-0.00059406","-0.00043659",
 "0",1691603879999,"0",12,"0","0","0"]]"""
PREMIUM = """{"symbol":"BTCUSDT","markPrice":"83436.10000000","indexPrice":"83475.21934783",
 "estimatedSettlePrice":"83440.51270000","lastFundingRate":"0.00004127",
 "interestRate":"0.00010000","nextFundingTime":1791417600000,"time":1791391082000}"""
FUNDING = """[{"symbol":"BTCUSDT","fundingTime":1791388800001,"fundingRate":"0.00005231",
 "markPrice":"83390.50000000","rateType":"Regular"}]"""
FUNDING_INFO = """[{"symbol":"BTCUSDT","adjustedFundingRateCap":"0.00300000",
 "adjustedFundingRateFloor":"-0.00300000","fundingIntervalHours":8,"disclaimer":false,
 "updateTime":1760000000000}]"""
DAY = """{"symbol":"BTCUSDT","priceChange":"512.30","priceChangePercent":"0.618",
 "weightedAvgPrice":"83011.22","lastPrice":"83434.40","lastQty":"0.016","openPrice":"82922.10",
 "highPrice":"84010.00","lowPrice":"82200.50","volume":"153120.551","quoteVolume":"12710622110.25",
 "openTime":1791304680000,"closeTime":1791391082011,"firstId":8149000000,"lastId":8154045704,
 "count":5045705}"""
BOOK = """{"symbol":"BTCUSDT","bidPrice":"83434.30","bidQty":"4.812","askPrice":"83434.40",
 "askQty":"1.007","time":1791391082015,"lastUpdateId":9160059846647}"""
ASSET = """{"symbol":"ADAUSD","time":1635740268004,"index":"1.92957370","bidBuffer":"0.10000000",
 "askBuffer":"0.10000000","bidRate":"1.73661633","askRate":"2.12253107",
 "autoExchangeBidBuffer":"0.05000000","autoExchangeAskBuffer":"0.05000000",
 "autoExchangeBidRate":"1.83309501","autoExchangeAskRate":"2.02605238"}"""
INTEREST = """[{"symbol":"BTCUSDT","sumOpenInterest":"20403.63700000",
 "sumOpenInterestValue":"150570784.07809979","CMCCirculatingSupply":"165880.53800000",
 "timestamp":1583127900000}]"""
RATIO = """[{"symbol":"BTCUSDT","longShortRatio":"1.4342","longAccount":"0.5891",
 "shortAccount":"0.4108","timestamp":1583139600000}]"""
TAKERS = """[{"buySellRatio":"1.5586","buyVol":"387.3300","sellVol":"248.5030",
 "timestamp":1585614900000}]"""
BASIS = """[{"indexPrice":"34400.15945055","contractType":"PERPETUAL","basisRate":"0.0004",
 "futuresPrice":"34414.10","annualizedBasisRate":"","basis":"13.94054945","pair":"BTCUSDT",
 "timestamp":1698742800000}]"""

B = "symbol=BTCUSDT"
PAIR = "pair=BTCUSDT&contractType=PERPETUAL"
SHAPES = [
    ("/fapi/v1/depth", B, DEPTH),
    ("/fapi/v1/rpiDepth", B, DEPTH),
    ("/fapi/v1/trades", B, TRADES),
    ("/fapi/v1/historicalTrades", B, TRADES),
    (
        "/fapi/v1/aggTrades",
        B,
        '[{"a":34,"p":"83434.40","q":"0.016","nq":"0.016","f":81,"l":84,"T":1791391,"m":true}]',
    ),
    ("/fapi/v1/klines", B + "&interval=1m", KLINES),
    ("/fapi/v1/continuousKlines", PAIR + "&interval=1m", KLINES),
    ("/fapi/v1/indexPriceKlines", "pair=BTCUSDT&interval=5m", PRICE_KLINES),
    ("/fapi/v1/markPriceKlines", B + "&interval=5m", PRICE_KLINES),
    ("/fapi/v1/premiumIndexKlines", B + "&interval=5m", PREMIUM_KLINES),
    ("/fapi/v1/premiumIndex", B, PREMIUM),
    ("/fapi/v1/fundingRate", B, FUNDING),
    ("/fapi/v1/fundingInfo", "", FUNDING_INFO),
    ("/fapi/v1/ticker/24hr", B, DAY),
    ("/fapi/v1/ticker/price", B, '{"symbol":"BTCUSDT","price":"83434.40","time":1791391082000}'),
    ("/fapi/v2/ticker/price", B, '{"symbol":"BTCUSDT","price":"83434.40","time":1791391082000}'),
    ("/fapi/v1/ticker/bookTicker", B, BOOK),
    (
        "/fapi/v1/openInterest",
        B,
        '{"symbol":"BTCUSDT","openInterest":"91022.117","time":1791391080211}',
    ),
    (
        "/fapi/v1/constituents",
        B,
        '{"symbol":"B","time":1,"constituents":'
        '[{"exchange":"binance","symbol":"B","price":"94057.1","weight":"0.51282051"}]}',
    ),
    ("/fapi/v1/assetIndex", "symbol=BTCUSD", ASSET),
    (
        "/fapi/v1/symbolAdlRisk",
        B,
        '{"symbol":"BTCUSDT","adlRisk":"low","updateTime":1597370495002}',
    ),
    (
        "/fapi/v1/insuranceBalance",
        B,
        '{"symbols":["BTCUSDT"],"assets":[{"asset":"USDT","marginBalance":"1.5","updateTime":1}]}',
    ),
    ("/futures/data/openInterestHist", B + "&period=5m", INTEREST),
    ("/futures/data/topLongShortAccountRatio", B + "&period=15m", RATIO),
    ("/futures/data/topLongShortPositionRatio", B + "&period=1h", RATIO),
    ("/futures/data/globalLongShortAccountRatio", B + "&period=1d", RATIO),
    ("/futures/data/takerlongshortRatio", B + "&period=5m", TAKERS),
    ("/futures/data/basis", PAIR + "&period=5m", BASIS),
    (
        "/futures/data/delivery-price",
        "pair=BTCUSDT",
        '[{"deliveryTime":1695945600000,"deliveryPrice":27103.5}]',
    ),
]


def shape(value: Any) -> Any:
    """Keys in order and types of values; of a list, its first element for all."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        if value and isinstance(value[0], int):
            return [type(inner).__name__ for inner in value]
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.parametrize(("path", "query", "example"), SHAPES, ids=[row[0] for row in SHAPES])
def test_an_answer_has_the_shape_of_the_reference(
    exchange: Simulator, path: str, query: str, example: str
) -> None:
    reply = exchange.raw("GET", path, query)
    assert reply.status_code == 200, reply.text
    found, expected = reply.json(), json.loads(example)
    assert shape(found) == shape(expected)
    if isinstance(found, list):
        assert all(shape(row) == shape(expected[0]) for row in found)


def decimals(text: str) -> int:
    return len(text.partition(".")[2])


def test_texts_have_the_decimals_of_the_reference(exchange: Simulator) -> None:
    for path, query, example in SHAPES[:-1]:
        found, expected = exchange.raw("GET", path, query).json(), json.loads(example)
        row, model = (found, expected) if isinstance(found, dict) else (found[-1], expected[-1])
        pairs = zip(row, model, strict=True) if isinstance(row, list) else ()
        if isinstance(row, dict):
            pairs = ((row[key], model[key]) for key in row)
        for value, text in pairs:
            if isinstance(text, str) and text not in ("", "0") and text[-1].isdigit():
                # These two are written without trailing zeros.
                free = path.endswith("basis") and decimals(text) == 8 and decimals(value) < 8
                assert free or decimals(value) == decimals(text), (path, value, text)


@pytest.mark.parametrize(
    ("path", "query", "code", "text"),
    [
        ("depth", B + "&limit=3", -4021, "3 is not valid depth limit"),
        ("depth", B + "&limit=1500", -1130, "Data sent for parameter 'limit' is not valid."),
        ("klines", B + "&interval=1m&limit=1501", -1130, "'limit'"),
        ("klines", B + "&interval=1m&limit=0", -1130, "'limit'"),
        ("klines", B + "&interval=1m&limit=many", -1102, "'limit'"),
        ("klines", B + "&interval=1s", -1120, "Invalid interval."),
        ("klines", B, -1102, "'interval'"),
        ("klines", "symbol=NOPE&interval=1m", -1121, "Invalid symbol."),
        ("klines", "interval=1m", -1102, "'symbol'"),
        ("klines", B + "&interval=1m&startTime=2&endTime=1", -1023, "Start time"),
        ("klines", B + "&interval=1m&startTime=-2", -1130, "'startTime'"),
        ("klines", B + "&interval=1m&startTime=x", -1102, "'startTime'"),
        ("continuousKlines", "pair=BTCUSDT&interval=1m", -1102, "'contractType'"),
        ("continuousKlines", "pair=BTCUSDT&contractType=X&interval=1m", -1130, "contractT"),
        ("indexPriceKlines", B + "&interval=1m", -1102, "'pair'"),
        ("indexPriceKlines", "pair=NOPE&interval=1m", -1121, "Invalid symbol."),
        ("trades", B + "&limit=1001", -1130, "'limit'"),
        ("trades", "", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or"),
        ("historicalTrades", B + "&limit=501", -1130, "'limit'"),
        ("aggTrades", B + "&fromId=1&startTime=2", -1128, "Combination"),
        ("aggTrades", B + "&startTime=0&endTime=3600000", -1127, "More than 1 hours"),
        ("aggTrades", B + "&fromId=-1", -1130, "'fromId'"),
        ("fundingRate", B + "&limit=1001", -1130, "'limit'"),
        ("fundingRate", "symbol=NOPE", -1121, "Invalid symbol."),
        ("ticker/24hr", "symbol=NOPE", -1121, "Invalid symbol."),
        ("openInterest", "", -1102, "'symbol'"),
        ("indexInfo", B, -1121, "Invalid symbol."),
        ("assetIndex", "symbol=NOPE", -1121, "Invalid symbol."),
        ("rpiDepth", B + "&limit=500", -4021, "500 is not valid depth limit"),
    ],
)
def test_a_bad_request_gets_the_venues_error(
    exchange: Simulator, path: str, query: str, code: int, text: str
) -> None:
    reply = exchange.raw("GET", "/fapi/v1/" + path, query)
    body = reply.json()
    assert (reply.status_code, body["code"]) == (400, code)
    assert text in body["msg"]


@pytest.mark.parametrize("query", ["period=1m", "period=5m&limit=501", "period=5m&startTime=1"])
def test_statistics_refuse_in_words_of_their_own(exchange: Simulator, query: str) -> None:
    reply = exchange.raw("GET", "/futures/data/openInterestHist", B + "&" + query)
    name = query.split("&")[-1].partition("=")[0]
    assert reply.json() == {"code": -1130, "msg": f"parameter '{name}' is invalid."}


def test_old_trades_need_a_key_and_nothing_else_does(exchange: Simulator) -> None:
    reply = exchange.raw("GET", "/fapi/v1/historicalTrades", B, headers={})
    assert (reply.status_code, reply.json()["code"]) == (401, -2014)
    assert exchange.raw("GET", "/fapi/v1/trades", B, headers={}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["ticker/24hr", "ticker/price", "ticker/bookTicker", "premiumIndex", "symbolAdlRisk"],
)
def test_without_a_symbol_all_come_in_a_list(exchange: Simulator, path: str) -> None:
    rows = exchange.get("/fapi/v1/" + path)
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    assert shape(rows[1]) == shape(exchange.get(f"/fapi/v1/{path}?symbol=ETHUSDT"))


def test_what_is_not_here_is_answered_with_nothing(exchange: Simulator) -> None:
    assert exchange.get("/fapi/v1/indexInfo") == []
    assert exchange.get("/sapi/v1/capital/config/getall") == []
    assert exchange.get("/sapi/v1/margin/allPairs") == []
    assert exchange.get("/api/v3/ping") == {}
    assert list(exchange.get("/api/v3/time")) == ["serverTime"]
    assert (
        exchange.get(
            "/fapi/v1/continuousKlines?" + PAIR.replace("PERP", "TRADIFI_PERP") + "&interval=1m"
        )
        == []
    )
    schedule = exchange.get("/fapi/v1/tradingSchedule")
    assert schedule["marketSchedules"]["EQUITY"] == {"sessions": []}
    assert len(exchange.get("/fapi/v1/assetIndex")) == 3
