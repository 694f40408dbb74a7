"""python-binance reads market and account and trades over REST."""

from __future__ import annotations

from typing import Any

import pytest

from hft.clock import wall_ms
from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue, eventually, stops_nearby

binance = needed("binance.client")
exceptions = needed("binance.exceptions")
BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@pytest.fixture
def client(venue: Venue) -> Any:
    return pointed("python-binance", venue)["client"]


def refused(call: Any, **params: Any) -> tuple[int, int]:
    """Give HTTP status and code of the refusal of a call."""
    with pytest.raises(exceptions.BinanceAPIException) as caught:
        call(**params)
    return caught.value.status_code, caught.value.code


def test_it_reads_time_symbols_and_limits(client: Any) -> None:
    assert client.futures_ping() == {}
    assert abs(client.futures_time()["serverTime"] - wall_ms()) < 2_000
    info = client.futures_exchange_info()
    names = [row["symbol"] for row in info["symbols"]]
    symbol = info["symbols"][names.index("BTCUSDT")]
    filters = {row["filterType"]: row for row in symbol["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
    assert filters["LOT_SIZE"]["stepSize"] == "0.001"
    assert filters["MIN_NOTIONAL"]["notional"] == "50"
    assert symbol["orderTypes"][:3] == ["LIMIT", "MARKET", "STOP"]
    kinds = {(row["rateLimitType"], row["interval"]) for row in info["rateLimits"]}
    assert ("ORDERS", "SECOND") in kinds


def test_it_reads_the_market(client: Any) -> None:
    book = client.futures_order_book(**BTC, limit=5)
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    assert len(client.futures_recent_trades(**BTC, limit=7)) == 7
    assert len(client.futures_aggregate_trades(**BTC, limit=7)) == 7
    assert client.futures_historical_trades(**BTC, limit=7)
    assert float(client.futures_mark_price(**BTC)["markPrice"]) > 0
    assert float(client.futures_symbol_ticker(**BTC)["price"]) > 0
    assert float(client.futures_orderbook_ticker(**BTC)["bidQty"]) > 0
    assert int(client.futures_ticker(**BTC)["count"]) > 0
    assert float(client.futures_open_interest(**BTC)["openInterest"]) >= 0
    assert isinstance(client.futures_funding_rate(**BTC), list)
    assert client.futures_index_info() is not None


def test_it_reads_candles_of_every_kind(client: Any) -> None:
    assert len(client.futures_klines(**BTC, interval="1m", limit=3)[0]) == 12
    assert client.futures_mark_price_klines(**BTC, interval="1m", limit=3)
    assert client.futures_index_price_klines(pair="BTCUSDT", interval="1m", limit=3)
    assert client.futures_premium_index_klines(**BTC, interval="1m", limit=3)
    continuous = {"pair": "BTCUSDT", "contractType": "PERPETUAL"}
    assert client.futures_continuous_klines(**continuous, interval="1m", limit=3)
    assert client.futures_historical_klines("BTCUSDT", "1m", "5 minutes ago UTC")
    assert refused(client.futures_klines, **BTC, interval="1s") == (400, -1120)
    assert refused(client.futures_klines, **BTC, interval="1m", limit=1501) == (400, -1130)


def test_it_reads_the_account_in_every_shape(client: Any) -> None:
    client.futures_create_order(**BTC, side="BUY", type="MARKET", quantity=0.01)
    (usdt,) = [row for row in client.futures_account_balance() if row["asset"] == "USDT"]
    account = client.futures_account()
    assert account["totalWalletBalance"] == usdt["balance"]
    position = next(row for row in account["positions"] if row["symbol"] == "BTCUSDT")
    assert position["positionAmt"] == "0.010"
    assert client.futures_account(version=3)["totalWalletBalance"] == usdt["balance"]
    (risk,) = client.futures_position_information(**BTC)
    assert (risk["symbol"], risk["positionAmt"]) == ("BTCUSDT", "0.010")
    assert client.futures_account_config()["canTrade"] is True
    assert client.futures_symbol_config(**BTC)[0]["leverage"] == 20
    assert client.futures_commission_rate(**BTC)["takerCommissionRate"] == "0.000500"
    assert client.futures_leverage_bracket(**BTC)
    assert client.futures_adl_quantile_estimate(**BTC)
    assert client.futures_v1_get_rate_limit_order()[0]["limit"] == 300
    assert client.futures_get_multi_assets_mode() == {"multiAssetsMargin": False}
    assert "feeBurn" in client.futures_v1_get_fee_burn()
    assert client.futures_liquidation_orders() == []


def test_it_sets_leverage_margin_type_and_position_mode(client: Any) -> None:
    changed = client.futures_change_leverage(**BTC, leverage=7)
    assert (changed["leverage"], changed["symbol"]) == (7, "BTCUSDT")
    assert refused(client.futures_change_leverage, **BTC, leverage=126 + 25) == (400, -4028)
    crossed = {"marginType": "CROSSED"}
    assert refused(client.futures_change_margin_type, **BTC, **crossed) == (400, -4046)
    done = {"code": 200, "msg": "success"}
    assert client.futures_change_margin_type(**BTC, marginType="ISOLATED") == done
    assert client.futures_change_position_mode(dualSidePosition=True) == done
    assert client.futures_get_position_mode() == {"dualSidePosition": True}
    again = {"dualSidePosition": True}
    assert refused(client.futures_change_position_mode, **again) == (400, -4059)
    order = {**BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01}
    client.futures_create_order(**order, positionSide="LONG")
    assert refused(client.futures_create_order, **order) == (400, -4061)
    assert refused(client.futures_change_position_mode, dualSidePosition=False) == (400, -4068)
    moved = client.futures_change_position_margin(**BTC, amount=20, type=1, positionSide="LONG")
    assert (moved["amount"], moved["type"]) == (20.0, 1)
    assert client.futures_position_margin_history(**BTC)[-1]["amount"] in ("20", "20.00000000")


def test_an_order_goes_its_way(client: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    order = client.futures_create_order(**LIMIT, quantity=0.01, price=price)
    name = {**BTC, "orderId": order["orderId"]}
    assert order["clientOrderId"].startswith("x-Cb7ytekJ")
    assert client.futures_get_order(**name)["status"] == "NEW"
    assert client.futures_v1_get_open_order(**name)["orderId"] == order["orderId"]
    assert [row["orderId"] for row in client.futures_get_open_orders(**BTC)] == [name["orderId"]]
    changed = client.futures_modify_order(**name, side="BUY", quantity=0.02, price=price - 5)
    assert (changed["origQty"], float(changed["price"])) == ("0.020", price - 5)
    amendment = client.futures_v1_get_order_amendment(**name)[0]["amendment"]
    assert float(amendment["origQty"]["after"]) == 0.02
    assert client.futures_cancel_order(**name)["status"] == "CANCELED"
    assert name["orderId"] in {row["orderId"] for row in client.futures_get_all_orders(**BTC)}
    assert refused(client.futures_cancel_order, **name) == (400, -2011)
    assert refused(client.futures_v1_get_open_order, **name) == (400, -2013)


def test_a_fill_shows_in_trades_and_income(client: Any) -> None:
    order = client.futures_create_order(
        **BTC, side="BUY", type="MARKET", quantity=0.02, newOrderRespType="RESULT"
    )
    assert (order["status"], order["executedQty"]) == ("FILLED", "0.020")
    trades = client.futures_account_trades(**BTC, orderId=order["orderId"])
    assert sum(float(row["qty"]) for row in trades) == pytest.approx(0.02)
    fees = sum(float(row["commission"]) for row in trades)
    ids = {str(row["id"]) for row in trades}
    paid = client.futures_income_history(**BTC, incomeType="COMMISSION", limit=1000)
    mine = [float(row["income"]) for row in paid if row["tradeId"] in ids]
    assert sum(mine) == pytest.approx(-fees)


def test_orders_go_in_and_out_in_batches(client: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    orders = client.futures_place_batch_order(
        batchOrders=[{**limit, "quantity": "0.01", "price": str(price - n)} for n in range(4)]
        + [{**limit, "quantity": "0.0001", "price": str(price)}]
    )
    assert [row.get("status") for row in orders] == ["NEW"] * 4 + [None]
    assert orders[4]["code"] == -1111
    ids = [row["orderId"] for row in orders[:4]]
    gone = client.futures_cancel_orders(**BTC, orderidlist=ids[:2])
    assert [row["status"] for row in gone] == ["CANCELED"] * 2
    names = [orders[2]["clientOrderId"], "nobody"]
    gone = client.futures_cancel_orders(**BTC, origclientorderidlist=names)
    assert [row.get("code") for row in gone] == [None, -2011]
    assert client.futures_cancel_all_open_orders(**BTC)["code"] == 200
    assert client.futures_get_open_orders() == []
    too_many = [{**limit, "quantity": "0.01", "price": str(price)}] * 6
    assert refused(client.futures_place_batch_order, batchOrders=too_many) == (400, -4082)


def test_a_stop_that_the_market_reaches_becomes_an_order_that_fills(
    client: Any, venue: Venue
) -> None:
    def place(side: str, trigger: float) -> Any:
        stop = {"side": side, "type": "STOP_MARKET", "stopPrice": trigger, "quantity": 0.01}
        return client.futures_create_order(**BTC, **stop)

    stops = stops_nearby(venue, place, exceptions.BinanceAPIException)
    assert [stop["algoStatus"] for stop in stops] == ["NEW", "NEW"]
    eventually(venue.held)
    found = [client.futures_get_algo_order(algoId=stop["algoId"]) for stop in stops]
    (done,) = [row for row in found if row["actualOrderId"]]
    child = client.futures_get_order(**BTC, orderId=int(done["actualOrderId"]))
    assert (child["status"], child["type"]) == ("FILLED", "MARKET")
    for row in client.futures_get_open_algo_orders(**BTC):
        assert client.futures_cancel_order(**BTC, algoId=row["algoId"])["msg"] == "success"
    assert len(client.futures_get_all_algo_orders(**BTC)) >= 2
    assert client.futures_cancel_all_algo_open_orders(**BTC)["code"] == 200


def test_a_test_order_is_only_checked(client: Any, venue: Venue) -> None:
    order = {**LIMIT, "price": venue.away(-0.01)}
    assert client.futures_create_test_order(**order, quantity=0.01) is not None
    assert refused(client.futures_create_test_order, **order, quantity=0.0001) == (400, -1111)
    assert venue.open_ids() == []


def test_every_wrong_order_is_refused_with_its_code(client: Any, venue: Venue) -> None:
    near, low, high = venue.away(-0.01), venue.away(-0.2), venue.away(0.2)
    for wish, code in (
        ({"quantity": 0.0001, "price": near}, -1111),
        ({"quantity": 0, "price": near}, -4003),
        ({"quantity": 1001, "price": near}, -4005),
        ({"quantity": 0.01, "price": near + 0.05}, -4014),
        ({"quantity": 0.01, "price": near + 0.055}, -1111),
        ({"quantity": 0.01, "price": low, "side": "SELL"}, -4024),
        ({"quantity": 0.01, "price": high}, -4016),
        ({"quantity": 0.001, "price": low}, -4164),
        ({"quantity": 10, "price": near}, -2019),
        ({"quantity": 0.01, "price": near, "timeInForce": "FOK"}, -5021),
        ({"quantity": 0.01, "price": venue.away(0.01), "timeInForce": "GTX"}, -5022),
        ({"quantity": 0.01, "price": near, "reduceOnly": True}, -2022),
        ({"quantity": 0.01, "price": near, "symbol": "NOPE"}, -1121),
        ({"quantity": 0.01, "price": near, "timeInForce": "NOPE"}, -1115),
        ({"quantity": 0.01}, -1102),
    ):
        assert refused(client.futures_create_order, **{**LIMIT, **wish}) == (400, code), wish
    assert venue.open_ids() == []


def test_a_stranger_is_refused(venue: Venue) -> None:
    for names, answer in (
        ({"SECRET": "wrong"}, (400, -1022)),
        ({"KEY": "x" * 64}, (401, -2015)),
        ({"KEY": "not a key"}, (401, -2014)),
    ):
        stranger = pointed("python-binance", venue, **names)["client"]
        assert refused(stranger.futures_account_balance) == answer


def test_a_clock_that_is_wrong_is_refused(client: Any) -> None:
    for offset_ms in (-60_000, 5_000):
        client.timestamp_offset = offset_ms
        assert refused(client.futures_account_balance) == (400, -1021)
