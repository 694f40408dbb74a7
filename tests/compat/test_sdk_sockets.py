"""The official SDK over sockets: market and user streams, the WebSocket API."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue

needed("binance_sdk_derivatives_trading_usds_futures")
TITLE = "The official SDK"
BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}


@pytest.fixture
def sdk(venue: Venue, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """The SDK; it may not complain that a message does not fit its models."""
    with caplog.at_level(logging.WARNING):
        yield pointed(TITLE, venue)["sdk"]
    assert [record.getMessage() for record in caplog.get_records("call")] == []


@contextlib.asynccontextmanager
async def opened(side: Any) -> AsyncIterator[Any]:
    connection = await side.create_connection()
    try:
        yield connection
    finally:
        await connection.close_connection(close_session=True)


async def heard(handle: Any, wanted: Callable[[Any], bool] = bool) -> Any:
    """Give the first message of a stream that is wanted."""
    found = asyncio.get_running_loop().create_future()

    def listen(message: Any) -> None:
        if not found.done() and wanted(message):
            found.set_result(message)

    handle.on("message", listen)
    return await found


async def test_every_market_stream_delivers(sdk: Any) -> None:
    async with opened(sdk.websocket_streams) as streams:
        minute = {**BTC, "interval": "1m"}
        continuous = {"pair": "btcusdt", "contract_type": "perpetual", "interval": "1m"}
        # Each waits half a second before it sends: all at once.
        handles = await asyncio.gather(
            streams.aggregate_trade_streams(**BTC),
            streams.mark_price_stream(**BTC, update_speed="1s"),
            streams.kline_candlestick_streams(**minute),
            streams.continuous_contract_kline_candlestick_streams(**continuous),
            streams.individual_symbol_mini_ticker_stream(**BTC),
            streams.individual_symbol_ticker_streams(**BTC),
            streams.individual_symbol_book_ticker_streams(**BTC),
            streams.diff_book_depth_streams(**BTC, update_speed="100ms"),
            streams.partial_book_depth_streams(**BTC, levels=5, update_speed="100ms"),
            streams.all_market_liquidation_order_streams(),
            streams.all_book_tickers_stream(),
            streams.mark_price_stream_for_all_market(update_speed="1s"),
            streams.all_market_tickers_streams(),
            streams.all_market_mini_tickers_stream(),
        )
        found = await asyncio.gather(*(heard(handle) for handle in handles))
        names = [message.e for message in found[:11]]
        assert names == [
            *("aggTrade", "markPriceUpdate", "kline", "continuous_kline", "24hrMiniTicker"),
            *("24hrTicker", "bookTicker", "depthUpdate", "depthUpdate", "forceOrder"),
            "bookTicker",
        ]
        assert len(found[8].b) == len(found[8].a) == 5
        for rows in found[11:]:
            assert "BTCUSDT" in {row.s for row in rows}
        assert "btcusdt@aggTrade" in (await streams.list_subscribe())["result"]


@contextlib.asynccontextmanager
async def user_events(sdk: Any) -> AsyncIterator[tuple[list[Any], Any]]:
    """What the user stream tells, as it comes; and the stream."""
    key = sdk.rest_api.start_user_data_stream().data().listen_key
    async with opened(sdk.websocket_streams) as streams:
        events: list[Any] = []
        handle = await streams.user_data(key)
        handle.on("message", lambda message: events.append(message.actual_instance))
        await asyncio.sleep(0.1)  # The venue's answer to its subscription is not handed on.
        yield events, handle


def is_filled(event: Any) -> bool:
    return type(event).__name__ == "OrderTradeUpdate" and bool(event.o.X == "FILLED")


async def test_the_user_stream_tells_of_an_order_and_its_fill(sdk: Any) -> None:
    async with user_events(sdk) as (events, handle):
        order = sdk.rest_api.new_order(**BTC, side="BUY", type="MARKET", quantity=0.02).data()
        await heard(handle, lambda _: is_filled(events[-1]))
    named: dict[str, list[Any]] = {}
    for event in events:
        named.setdefault(type(event).__name__, []).append(event)
    assert set(named) == {"TradeLite", "OrderTradeUpdate", "AccountUpdate"}
    orders = [event.o for event in named["OrderTradeUpdate"]]
    assert {row.i for row in orders} == {order.order_id}
    assert (orders[0].x, orders[0].X) == ("NEW", "NEW")
    fills = [row for row in orders if row.x == "TRADE"]
    assert sum(float(row.l) for row in fills) == pytest.approx(0.02)
    assert float(orders[-1].z) == 0.02
    assert float(named["AccountUpdate"][-1].a.P[0].pa) == 0.02


async def test_the_user_stream_tells_of_settings_and_stops(sdk: Any, venue: Venue) -> None:
    async with user_events(sdk) as (events, handle):
        sdk.rest_api.change_initial_leverage(**BTC, leverage=9)
        wish = {"side": "SELL", "type": "STOP_MARKET", "quantity": 0.01}
        stop = sdk.rest_api.new_algo_order(
            **BTC, **wish, algo_type="CONDITIONAL", trigger_price=venue.away(-0.02)
        ).data()
        sdk.rest_api.cancel_algo_order(algo_id=stop.algo_id)
        await heard(handle, lambda _: len(events) == 3)
    assert [type(event).__name__ for event in events] == [
        "AccountConfigUpdate",
        "AlgoUpdate",
        "AlgoUpdate",
    ]
    assert events[0].ac.l == 9
    assert [event.o.X for event in events[1:]] == ["NEW", "CANCELED"]
    assert events[1].o.aid == stop.algo_id


async def test_an_order_goes_its_way_over_the_websocket_api(sdk: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    async with opened(sdk.websocket_api) as session:
        reply = await session.new_order(**LIMIT, quantity=0.01, price=price)
        order = reply.data().result
        kinds = {row.rateLimitType for row in reply.rate_limits}
        assert kinds == {"REQUEST_WEIGHT", "ORDERS"}
        name = {**BTC, "order_id": order.order_id}
        assert (await session.query_order(**name)).data().result.status == "NEW"
        wish = {"side": "BUY", "quantity": 0.02, "price": price - 5}
        assert (await session.modify_order(**name, **wish)).data().result.orig_qty == "0.020"
        assert (await session.cancel_order(**name)).data().result.status == "CANCELED"
        market = {**BTC, "side": "BUY", "type": "MARKET", "new_order_resp_type": "RESULT"}
        filled = (await session.new_order(**market, quantity=0.01)).data().result
        assert (filled.status, filled.executed_qty) == ("FILLED", "0.010")


async def test_it_asks_for_account_and_market_over_the_websocket_api(sdk: Any) -> None:
    sdk.rest_api.new_order(**BTC, side="BUY", type="MARKET", quantity=0.01)
    async with opened(sdk.websocket_api) as session:
        wallets = []
        for ask in (session.futures_account_balance, session.futures_account_balance_v2):
            wallets += [row.balance for row in (await ask()).data().result if row.asset == "USDT"]
        for ask in (session.account_information, session.account_information_v2):
            wallets.append((await ask()).data().result.total_wallet_balance)
        assert len(wallets) == 4
        assert len(set(wallets)) == 1
        for ask in (session.position_information, session.position_information_v2):
            (row,) = (await ask(**BTC)).data().result
            assert row.position_amt == "0.010"
        assert (await session.order_book(**BTC)).data().result.last_update_id > 0
        price = (await session.symbol_price_ticker(**BTC)).data().actual_instance
        assert price.result.symbol == "BTCUSDT"
        best = (await session.symbol_order_book_ticker(**BTC)).data().actual_instance
        assert float(best.result.bid_price) < float(best.result.ask_price)


async def test_a_listen_key_lives_and_dies_over_the_websocket_api(sdk: Any) -> None:
    async with opened(sdk.websocket_api) as session:
        started = (await session.start_user_data_stream()).data().result.listen_key
        kept = (await session.keepalive_user_data_stream()).data().result.listen_key
        assert started == kept == sdk.rest_api.start_user_data_stream().data().listen_key
        assert (await session.close_user_data_stream()).data().status == 200


async def test_a_stop_is_placed_and_cancelled_over_the_websocket_api(
    sdk: Any, venue: Venue
) -> None:
    async with opened(sdk.websocket_api) as session:
        wish = {"side": "SELL", "type": "STOP_MARKET", "quantity": 0.01}
        reply = await session.new_algo_order(
            **BTC, **wish, algo_type="CONDITIONAL", trigger_price=venue.away(-0.02)
        )
        stop = reply.data().result
        assert stop.algo_status == "NEW"
        gone = (await session.cancel_algo_order(algo_id=stop.algo_id)).data().result
        assert gone.algo_id == stop.algo_id


async def test_refusals_over_the_websocket_api_carry_their_codes(venue: Venue) -> None:
    price = venue.away(-0.01)
    async with opened(pointed(TITLE, venue)["sdk"].websocket_api) as session:
        for wish, code in (
            ({"quantity": 0.0001, "price": price}, -1111),
            ({"quantity": 10.0, "price": price}, -2019),
            ({"quantity": 0.01, "price": price, "symbol": "NOPE"}, -1121),
            ({"quantity": 0.01, "price": price, "time_in_force": "FOK"}, -5021),
        ):
            refused = (await session.new_order(**{**LIMIT, **wish})).data()
            assert refused["error"]["code"] == code
        assert (await session.cancel_order(**BTC, order_id=1)).data()["error"]["code"] == -2011
    async with opened(pointed(TITLE, venue, SECRET="wrong")["sdk"].websocket_api) as session:
        assert (await session.futures_account_balance()).data()["error"]["code"] == -1022
