"""binance-futures-connector, the old official library: REST, and streams on the old paths."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hft.clock import wall_ms
from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue, eventually

needed("binance.um_futures")
streams = needed("binance.websocket.um_futures.websocket_client")
errors = needed("binance.error")
BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@pytest.fixture
def client(venue: Venue) -> Any:
    return pointed("binance-futures-connector", venue)["client"]


def refused(call: Any, *given: Any, **params: Any) -> tuple[int, int]:
    with pytest.raises(errors.ClientError) as caught:
        call(*given, **params)
    return caught.value.status_code, caught.value.error_code


def test_it_reads_the_market(client: Any) -> None:
    assert client.ping() == {}
    assert abs(client.time()["serverTime"] - wall_ms()) < 2_000
    assert "BTCUSDT" in [row["symbol"] for row in client.exchange_info()["symbols"]]
    assert len(client.depth("BTCUSDT", limit=5)["bids"]) == 5
    assert client.trades("BTCUSDT", limit=3)
    assert client.historical_trades("BTCUSDT", limit=3)
    assert client.agg_trades("BTCUSDT", limit=3)
    assert len(client.klines("BTCUSDT", "1m", limit=3)[0]) == 12
    assert float(client.mark_price("BTCUSDT")["markPrice"]) > 0
    assert isinstance(client.funding_rate("BTCUSDT"), list)
    assert client.ticker_24hr_price_change("BTCUSDT")["count"] > 0
    assert float(client.ticker_price("BTCUSDT")["price"]) > 0
    assert float(client.book_ticker("BTCUSDT")["askQty"]) > 0
    assert client.open_interest("BTCUSDT")["symbol"] == "BTCUSDT"


def test_it_reads_and_sets_the_account(client: Any) -> None:
    assert client.balance()[0]["asset"] == "USDT"
    assert float(client.account()["totalWalletBalance"]) > 0
    assert client.change_leverage(**BTC, leverage=7)["leverage"] == 7
    assert refused(client.change_margin_type, **BTC, marginType="CROSSED") == (400, -4046)
    assert client.change_position_mode(dualSidePosition="true")["code"] == 200
    assert client.get_position_mode() == {"dualSidePosition": True}
    assert client.get_multi_asset_mode() == {"multiAssetsMargin": False}
    assert client.commission_rate(**BTC)["makerCommissionRate"] == "0.000200"
    assert client.leverage_brackets(**BTC)
    assert client.adl_quantile(**BTC)


def test_an_order_goes_its_way(client: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    order = client.new_order(**LIMIT, quantity=0.01, price=price)
    name = {**BTC, "orderId": order["orderId"]}
    assert client.query_order(**name)["status"] == "NEW"
    assert client.get_open_orders(**name)["orderId"] == order["orderId"]
    assert [row["orderId"] for row in client.get_orders(**BTC)] == [order["orderId"]]
    changed = client.modify_order(**name, side="BUY", quantity=0.02, price=price - 5)
    assert changed["origQty"] == "0.020"
    assert client.cancel_order(**name)["status"] == "CANCELED"
    assert refused(client.cancel_order, **name) == (400, -2011)


def test_orders_go_in_and_out_in_batches(client: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    wishes = [{**LIMIT, "quantity": "0.01", "price": str(price - n)} for n in range(3)]
    ids = [row["orderId"] for row in client.new_batch_order(wishes)]
    gone = client.cancel_batch_order("BTCUSDT", ids[:2], [])
    assert [row["status"] for row in gone] == ["CANCELED"] * 2
    assert client.countdown_cancel_order("BTCUSDT", 100)["countdownTime"] == "100"
    eventually(lambda: not venue.open_ids())
    assert client.cancel_open_orders("BTCUSDT")["code"] == 200


def test_every_wrong_order_is_refused_with_its_code(client: Any, venue: Venue) -> None:
    near = venue.away(-0.01)
    for wish, code in (
        ({"quantity": 0.0001, "price": near}, -1111),
        ({"quantity": 0.01, "price": near + 0.05}, -4014),
        ({"quantity": 10, "price": near}, -2019),
        ({"quantity": 0.01, "price": near, "timeInForce": "FOK"}, -5021),
        ({"quantity": 0.01, "price": near, "symbol": "NOPE"}, -1121),
    ):
        assert refused(client.new_order, **{**LIMIT, **wish}) == (400, code), wish


def test_a_stranger_is_refused(venue: Venue) -> None:
    for names, answer in (({"SECRET": "wrong"}, (400, -1022)), ({"KEY": "x" * 64}, (401, -2015))):
        stranger = pointed("binance-futures-connector", venue, **names)["client"]
        assert refused(stranger.balance) == answer


@contextlib.contextmanager
def listening(venue: Venue) -> Iterator[tuple[Any, list[Any]]]:
    """Its socket on the old path, and what arrives."""
    heard: list[Any] = []
    socket = streams.UMFuturesWebsocketClient(
        stream_url=f"ws://{venue.host}", on_message=lambda _, text: heard.append(json.loads(text))
    )
    try:
        yield socket, heard
    finally:
        socket.stop()
        socket.socket_manager.join()
        socket.socket_manager.ws.shutdown()


def test_the_old_paths_carry_every_stream(client: Any, venue: Venue) -> None:
    key = client.new_listen_key()["listenKey"]
    assert client.renew_listen_key(key)["listenKey"] == key
    with listening(venue) as (socket, heard):
        socket.agg_trade("btcusdt")
        socket.book_ticker("btcusdt")
        socket.mark_price("btcusdt", 1)
        socket.diff_book_depth("btcusdt", speed=100)
        socket.kline("btcusdt", "1m")
        socket.ticker("btcusdt")
        socket.liquidation_order("btcusdt")
        socket.user_data(key)
        eventually(lambda: sum("result" in message for message in heard) == 8)
        client.new_order(**BTC, side="BUY", type="MARKET", quantity=0.01)
        wanted = {"aggTrade", "bookTicker", "markPriceUpdate", "depthUpdate", "kline", "24hrTicker"}
        wanted |= {"forceOrder", "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}
        eventually(lambda: wanted <= {row.get("e") for row in heard}, wait_s=30.0)
