"""ccxt.pro watches streams and orders over the WebSocket API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue

ccxt = needed("ccxt.pro")
aiohttp = needed("aiohttp")
BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
CASCADE_MAX_S = 30.0
"""Within this time the market forces somebody out of a position."""


@contextlib.asynccontextmanager
async def opened(venue: Venue) -> AsyncIterator[Any]:
    exchange = pointed("ccxt.pro", venue)["exchange"]
    exchange.enableRateLimit = False
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


async def whole_levels(venue: Venue, found: dict[int, Any]) -> None:
    """Collect what the venue itself says are the best 20 levels, by the update id they hold at."""
    async with aiohttp.ClientSession() as session:
        address = f"ws://{venue.host}/public/ws/btcusdt@depth20@100ms"
        async with session.ws_connect(address) as stream:
            async for message in stream:
                frame = message.json()
                found[frame["u"]] = [
                    [[float(price), float(amount)] for price, amount in frame[side]]
                    for side in ("b", "a")
                ]


async def test_its_order_book_is_the_venues_at_every_update(venue: Venue) -> None:
    said: dict[int, Any] = {}
    listening = asyncio.create_task(whole_levels(venue, said))
    async with opened(venue) as exchange:
        equal = 0
        while equal < 20:
            book = await exchange.watch_order_book(BTC)
            best = [[list(row[:2]) for row in book[side][:20]] for side in ("bids", "asks")]
            if book["nonce"] in said:
                assert best == said[book["nonce"]]
                equal += 1
    listening.cancel()


@pytest.mark.parametrize("limit", [5, 10, 20])
async def test_a_book_of_few_levels_is_watched_whole(venue: Venue, limit: int) -> None:
    async with opened(venue) as exchange:
        book = await exchange.watch_order_book(BTC, limit)
        assert len(book["bids"]) == len(book["asks"]) == limit


async def test_it_watches_trades_and_aggregated_trades(venue: Venue) -> None:
    for name in ("trade", "aggTrade"):
        async with opened(venue) as exchange:
            trades = await exchange.watch_trades(BTC, params={"name": name})
            assert trades[-1]["symbol"] == BTC
            assert trades[-1]["amount"] > 0
            both = await exchange.watch_trades_for_symbols([BTC, ETH], params={"name": name})
            assert both[-1]["side"] in ("buy", "sell")


async def test_it_watches_best_prices_marks_tickers_and_candles(venue: Venue) -> None:
    async with opened(venue) as exchange:
        best = await exchange.watch_bids_asks([BTC])
        assert best[BTC]["bid"] < best[BTC]["ask"]
        assert (await exchange.watch_mark_price(BTC))["markPrice"] > 0
        assert (await exchange.watch_mark_prices([ETH]))[ETH]["indexPrice"] > 0
        ticker = await exchange.watch_ticker(BTC)
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        assert BTC in await exchange.watch_tickers([BTC])
        candle = (await exchange.watch_ohlcv(BTC, "1m"))[-1]
        assert candle[3] <= candle[4] <= candle[2]
        many = await exchange.watch_ohlcv_for_symbols([[ETH, "5m"]])
        assert many[ETH]["5m"]


async def test_it_watches_liquidations(venue: Venue) -> None:
    async with opened(venue) as exchange:
        forced = await asyncio.wait_for(exchange.watch_liquidations(BTC), CASCADE_MAX_S)
        assert forced[-1]["contracts"] > 0
        assert forced[-1]["price"] > 0


async def until(watch: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
    """Watch until an answer is wanted; gives it."""
    while not wanted(seen := await watch()):
        pass
    return seen


async def test_a_fill_is_watched_in_orders_trades_positions_and_balance(venue: Venue) -> None:
    def closed(orders: Any) -> bool:
        return bool(orders[-1]["status"] == "closed")

    async with opened(venue) as exchange:
        before = (await exchange.fetch_balance())["USDT"]["total"]
        start = asyncio.create_task
        orders = start(until(lambda: exchange.watch_orders(BTC), closed))
        trades = start(until(lambda: exchange.watch_my_trades(BTC), bool))
        positions = start(until(lambda: exchange.watch_positions([BTC]), bool))
        balance = start(until(exchange.watch_balance, lambda seen: seen["USDT"]["total"] < before))
        await asyncio.sleep(0.5)  # ccxt does not tell when its subscription stands.
        placed = await exchange.create_order(BTC, "market", "buy", 0.01)
        order = (await orders)[-1]
        assert (order["id"], order["filled"], order["remaining"]) == (placed["id"], 0.01, 0.0)
        trade = (await trades)[-1]
        assert trade["order"] == placed["id"]
        assert trade["fee"]["cost"] == pytest.approx(trade["cost"] * 0.0005)
        assert (await positions)[-1]["contracts"] == 0.01
        assert await balance


async def test_an_order_goes_its_way_over_the_websocket_api(venue: Venue) -> None:
    price = venue.away(-0.01)
    async with opened(venue) as exchange:
        order = await exchange.create_order_ws(BTC, "limit", "buy", 0.01, price)
        assert order["status"] == "open"
        assert (await exchange.fetch_order_ws(order["id"], BTC))["price"] == price
        changed = await exchange.edit_order_ws(order["id"], BTC, "limit", "buy", 0.02, price - 10)
        assert (changed["id"], changed["amount"]) == (order["id"], 0.02)
        gone = await exchange.cancel_order_ws(order["id"], BTC)
        assert gone["status"] == "canceled"
        filled = await exchange.create_order_ws(BTC, "market", "buy", 0.01)
        assert (filled["status"], filled["filled"]) == ("closed", 0.01)


async def test_it_asks_for_account_and_market_over_the_websocket_api(venue: Venue) -> None:
    async with opened(venue) as exchange:
        await exchange.create_order_ws(BTC, "market", "buy", 0.01)
        assert (await exchange.fetch_balance_ws())["USDT"]["total"] > 9_000
        assert (await exchange.fetch_positions_ws([BTC]))[0]["contracts"] == 0.01
        newer = {"method": "v2/account.position"}
        assert (await exchange.fetch_position_ws(BTC, newer))[0]["contracts"] == 0.01
        book = await exchange.fetch_order_book_ws(BTC)
        assert book["bids"][0][0] < book["asks"][0][0]
        best = await exchange.fetch_ticker_ws(BTC, {"method": "ticker.book"})
        assert best["bid"] < best["ask"]


async def test_a_stop_is_placed_and_cancelled_over_the_websocket_api(venue: Venue) -> None:
    async with opened(venue) as exchange:
        wish = {"triggerPrice": venue.away(-0.02)}
        stop = await exchange.create_order_ws(BTC, "market", "sell", 0.01, None, wish)
        assert stop["status"] == "open"
        await exchange.cancel_order_ws(stop["id"], BTC, {"trigger": True})
        waiting = await exchange.fetch_open_orders(BTC, params={"trigger": True})
        assert waiting == []


async def test_refusals_over_the_websocket_api_raise_the_same_classes(venue: Venue) -> None:
    price = venue.away(-0.01)
    async with opened(venue) as exchange:
        with pytest.raises(ccxt.InsufficientFunds, match="-2019"):
            await exchange.create_order_ws(BTC, "limit", "buy", 10, price)
        with pytest.raises(ccxt.OrderNotFillable, match="-5021"):
            await exchange.create_order_ws(BTC, "limit", "buy", 0.01, price, {"timeInForce": "FOK"})
        with pytest.raises(ccxt.OrderNotFound, match="-2011"):
            await exchange.cancel_order_ws("1", BTC)
        with pytest.raises(ccxt.OrderNotFound, match="-2013"):
            await exchange.fetch_order_ws("1", BTC)
        exchange.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await exchange.fetch_balance_ws()


async def test_streams_can_be_left_again(venue: Venue) -> None:
    async with opened(venue) as exchange:
        await exchange.watch_order_book(BTC)
        await exchange.un_watch_order_book(BTC)
        await exchange.watch_trades(BTC)
        await exchange.un_watch_trades(BTC)
