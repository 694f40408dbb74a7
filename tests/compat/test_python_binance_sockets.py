"""python-binance over sockets: market and user streams, its order book, the WebSocket API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue

binance = needed("binance.client")
exceptions = needed("binance.exceptions")
depthcache = needed("binance.ws.depthcache")
BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@contextlib.asynccontextmanager
async def opened(venue: Venue, **names: str) -> AsyncIterator[tuple[Any, Any]]:
    """A client and its sockets."""
    space = pointed("python-binance, asynchronous", venue, **names)
    client = await space["AsyncClient"].create(space["KEY"], space["SECRET"])
    try:
        yield client, space["BinanceSocketManager"](client, max_queue_size=10_000)
    finally:
        await client.close_connection()


def user_socket(sockets: Any) -> Any:
    """Open a user stream that looks twice a second whether it is to close; its default is 10 s."""
    socket = sockets.futures_user_socket()
    socket.TIMEOUT = 0.5
    return socket


async def first(socket: Any, wanted: Callable[[Any], bool] = bool) -> Any:
    """Give the first message of a socket that is wanted."""
    async with socket as stream:
        while not wanted(message := await stream.recv()):
            pass
        return message


async def test_every_market_stream_delivers(venue: Venue) -> None:
    def named(event: str) -> Callable[[Any], bool]:
        return lambda message: message.get("data", message)["e"] == event

    async with opened(venue) as (_, sockets):
        streams = ["btcusdt@forceOrder", "ethusdt@forceOrder"]
        wanted = {
            "aggTrade": sockets.aggtrade_futures_socket("BTCUSDT"),
            "bookTicker": sockets.symbol_ticker_futures_socket("BTCUSDT"),
            "markPriceUpdate": sockets.symbol_mark_price_socket("BTCUSDT"),
            "24hrTicker": sockets.individual_symbol_ticker_futures_socket("BTCUSDT"),
            "depthUpdate": sockets.futures_depth_socket("BTCUSDT"),
            "forceOrder": sockets.futures_multiplex_socket(streams, category="market"),
            "trade": sockets.futures_multiplex_socket(["btcusdt@trade"], category="public"),
            "kline": sockets.futures_multiplex_socket(["ethusdt@kline_1m"]),
            "24hrMiniTicker": sockets.futures_multiplex_socket(["btcusdt@miniTicker"]),
        }
        found = await asyncio.gather(
            *(first(socket, named(event)) for event, socket in wanted.items()),
            first(sockets.kline_futures_socket("BTCUSDT")),
            first(sockets.all_mark_price_socket()),
            first(sockets.futures_ticker_socket()),
            first(sockets.all_ticker_futures_socket()),
        )
        continuous, marks, tickers, books = found[-4:]
        assert (continuous["e"], continuous["ps"]) == ("continuous_kline", "BTCUSDT")
        assert {row["s"] for row in marks["data"]} >= {"BTCUSDT", "ETHUSDT"}
        assert {row["e"] for row in tickers["data"]} == {"24hrTicker"}
        assert books["data"]["e"] == "bookTicker"


async def test_its_order_book_is_sorted_and_follows_the_market(venue: Venue) -> None:
    async with opened(venue) as (client, sockets):
        manager = depthcache.FuturesDepthCacheManager(client, "BTCUSDT", bm=sockets)
        async with manager as books:
            for _ in range(10):
                book = await books.recv()
                bids, asks = book.get_bids(), book.get_asks()
                assert len(bids) == len(asks) == 10
                assert bids == sorted(bids, reverse=True)
                assert bids[0][0] < asks[0][0]
        assert abs(bids[0][0] - venue.touch()[0]) < 100


async def test_the_user_stream_tells_of_an_order_and_its_fill(venue: Venue) -> None:
    async with opened(venue) as (client, sockets):
        events: list[Any] = []
        async with user_socket(sockets) as stream:
            order = await client.futures_create_order(
                **BTC, side="BUY", type="MARKET", quantity=0.02
            )
            while not events or events[-1].get("o", {}).get("X") != "FILLED":
                events.append(await stream.recv())
        orders = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
        assert {row["i"] for row in orders} == {order["orderId"]}
        assert {row["c"] for row in orders} == {order["clientOrderId"]}
        assert (orders[0]["x"], orders[0]["X"], orders[0]["z"]) == ("NEW", "NEW", "0")
        assert float(orders[-1]["z"]) == 0.02
        fills = [row for row in orders if row["x"] == "TRADE"]
        assert sum(float(row["l"]) for row in fills) == pytest.approx(0.02)
        lite = [event for event in events if event["e"] == "TRADE_LITE"]
        assert [row["t"] for row in lite] == [row["t"] for row in fills]
        accounts = [event["a"] for event in events if event["e"] == "ACCOUNT_UPDATE"]
        assert accounts[-1]["m"] == "ORDER"
        assert float(accounts[-1]["P"][0]["pa"]) == 0.02


async def test_the_user_stream_tells_of_settings(venue: Venue) -> None:
    async with opened(venue) as (client, sockets), user_socket(sockets) as stream:
        await client.futures_change_leverage(**BTC, leverage=9)
        event = await stream.recv()
        assert (event["e"], event["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 9})


async def test_the_user_stream_tells_of_a_stop(venue: Venue) -> None:
    async with opened(venue) as (client, sockets), user_socket(sockets) as stream:
        stop = await client.futures_create_order(
            **BTC, side="SELL", type="STOP_MARKET", stopPrice=venue.away(-0.02), quantity=0.01
        )
        await client.futures_cancel_algo_order(algoId=stop["algoId"])
        states = [(await stream.recv())["o"] for _ in range(2)]
        assert [row["X"] for row in states] == ["NEW", "CANCELED"]
        assert {row["aid"] for row in states} == {stop["algoId"]}


async def test_an_order_goes_its_way_over_the_websocket_api(venue: Venue) -> None:
    price = venue.away(-0.01)
    async with opened(venue) as (client, _):
        order = await client.ws_futures_create_order(**LIMIT, quantity=0.01, price=price)
        name = {**BTC, "orderId": order["orderId"]}
        assert (await client.ws_futures_get_order(**name))["status"] == "NEW"
        wish = {"side": "BUY", "quantity": 0.02, "price": price - 5}
        assert (await client.ws_futures_edit_order(**name, **wish))["origQty"] == "0.020"
        assert (await client.ws_futures_cancel_order(**name))["status"] == "CANCELED"
        filled = await client.ws_futures_create_order(
            **BTC, side="BUY", type="MARKET", quantity=0.01, newOrderRespType="RESULT"
        )
        assert (filled["status"], filled["executedQty"]) == ("FILLED", "0.010")


async def test_it_asks_for_account_and_market_over_the_websocket_api(venue: Venue) -> None:
    async with opened(venue) as (client, _):
        await client.futures_create_order(**BTC, side="BUY", type="MARKET", quantity=0.01)
        balances = [
            await client.ws_futures_account_balance(),
            await client.ws_futures_v2_account_balance(),
        ]
        assert {rows[0]["asset"] for rows in balances} == {"USDT"}
        assert "feeTier" in await client.ws_futures_account_status()
        status = await client.ws_futures_v2_account_status()
        assert status["totalWalletBalance"] == balances[0][0]["balance"]
        for ask in (client.ws_futures_account_position, client.ws_futures_v2_account_position):
            (row,) = await ask(**BTC)
            assert row["positionAmt"] == "0.010"
        book = await client.ws_futures_get_order_book(**BTC)
        assert float(book["bids"][0][0]) < float(book["asks"][0][0])
        assert (await client.ws_futures_get_all_tickers(**BTC))["symbol"] == "BTCUSDT"
        assert (await client.ws_futures_get_order_book_ticker(**BTC))["lastUpdateId"] > 0


async def test_a_stop_is_placed_and_cancelled_over_the_websocket_api(venue: Venue) -> None:
    async with opened(venue) as (client, _):
        stop = await client.ws_futures_create_order(
            **BTC, side="SELL", type="STOP_MARKET", stopPrice=venue.away(-0.02), quantity=0.01
        )
        assert stop["algoStatus"] == "NEW"
        gone = await client.ws_futures_cancel_algo_order(algoId=stop["algoId"])
        assert gone["algoId"] == stop["algoId"]


async def test_refusals_over_the_websocket_api_carry_their_codes(venue: Venue) -> None:
    price = venue.away(-0.01)
    async with opened(venue) as (client, _):
        for wish, code in (
            ({"quantity": 0.0001, "price": price}, -1111),
            ({"quantity": 10, "price": price}, -2019),
            ({"quantity": 0.01, "price": price, "symbol": "NOPE"}, -1121),
            ({"quantity": 0.01, "price": price, "timeInForce": "FOK"}, -5021),
        ):
            with pytest.raises(exceptions.BinanceAPIException) as caught:
                await client.ws_futures_create_order(**{**LIMIT, **wish})
            assert caught.value.code == code
        with pytest.raises(exceptions.BinanceAPIException) as caught:
            await client.ws_futures_cancel_order(**BTC, orderId=1)
        assert caught.value.code == -2011
    async with opened(venue, SECRET="wrong") as (client, _):
        with pytest.raises(exceptions.BinanceAPIException) as caught:
            await client.ws_futures_account_balance()
        assert (caught.value.status_code, caught.value.code) == (400, -1022)
