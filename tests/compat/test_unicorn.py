"""unicorn-binance-websocket-api: streams and the WebSocket API, in threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import API_KEY, API_SECRET, WAIT_S, Venue, eventually

needed("unicorn_binance_websocket_api")
BTC = {"symbol": "BTCUSDT"}
KEYS = {"api_key": API_KEY, "api_secret": API_SECRET}


@pytest.fixture
def manager(venue: Venue) -> Iterator[Any]:
    manager = pointed("unicorn-binance-websocket-api", venue)["manager"]
    yield manager
    manager.stop_manager()


def reader(manager: Any, *given: Any, **more: Any) -> Callable[[], Any]:
    """Open a stream; gives what takes the next message from it, or None."""
    stream = manager.create_stream(*given, stream_buffer_name=True, **more)
    return lambda: manager.pop_stream_data_from_stream_buffer(stream) or None


def test_every_market_stream_delivers(manager: Any) -> None:
    market = ["aggTrade", "markPrice@1s", "kline_1m", "ticker", "miniTicker"]
    for read, wanted in (
        (
            reader(manager, market, ["btcusdt", "ethusdt"]),
            {"aggTrade", "markPriceUpdate", "kline", "24hrTicker", "24hrMiniTicker"},
        ),
        (
            reader(manager, ["bookTicker", "depth@100ms", "depth5"], ["btcusdt"]),
            {"bookTicker", "depthUpdate"},
        ),
        (reader(manager, ["arr"], ["!forceOrder"]), {"forceOrder"}),
    ):
        seen: set[str] = set()

        def complete(read: Any = read, seen: Any = seen, wanted: Any = wanted) -> bool:
            while message := read():
                seen.add(message.get("data", message).get("e"))
            return bool(wanted <= seen)

        eventually(complete, wait_s=30.0)


class Session:
    """Its WebSocket API, asked by ids of our own.

    Its own way of waiting listens only after it has sent: an answer from this machine comes first.
    """

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._stream = manager.create_stream(api=True, stream_buffer_name=True, **KEYS)
        self._asked = 0
        assert manager.wait_till_stream_has_started(self._stream, timeout=WAIT_S)

    def ask(self, name: str, **params: Any) -> Any:
        """Give the answer to one request."""
        self._asked += 1
        request_id = f"request-{self._asked}"
        method = getattr(self._manager.api.futures, name)
        method(stream_id=self._stream, request_id=request_id, **params)

        def answered() -> Any:
            while message := self._manager.pop_stream_data_from_stream_buffer(self._stream):
                if message["id"] == request_id:
                    return message
            return None

        return eventually(answered)


def test_an_order_goes_its_way_over_the_websocket_api(manager: Any, venue: Venue) -> None:
    session = Session(manager)
    wish = {"side": "BUY", "quantity": 0.01, "price": venue.away(-0.01)}
    order = session.ask("create_order", **BTC, **wish, order_type="LIMIT", time_in_force="GTC")
    assert (order["status"], order["result"]["status"]) == (200, "NEW")
    name = {**BTC, "order_id": order["result"]["orderId"]}
    assert session.ask("get_order", **name)["result"]["origQty"] == "0.010"
    changed = session.ask("modify_order", **name, **{**wish, "quantity": 0.02})
    assert changed["result"]["origQty"] == "0.020"
    assert session.ask("cancel_order", **name)["result"]["status"] == "CANCELED"
    assert session.ask("cancel_order", **name)["error"]["code"] == -2011


def test_it_asks_for_account_and_market_over_the_websocket_api(manager: Any, venue: Venue) -> None:
    session = Session(manager)
    assert session.ask("ping")["result"] == {}
    assert session.ask("get_server_time")["result"]["serverTime"] > 0
    assert session.ask("get_account_balance")["result"][0]["asset"] == "USDT"
    assert "totalWalletBalance" in session.ask("get_account_status")["result"]
    assert isinstance(session.ask("get_account_position")["result"], list)
    assert session.ask("get_order_book", **BTC)["result"]["lastUpdateId"] > 0
    assert session.ask("get_ticker_price", **BTC)["result"]["symbol"] == "BTCUSDT"
    assert session.ask("get_ticker_order_book", **BTC)["result"]["symbol"] == "BTCUSDT"
    assert session.ask("get_listen_key")["result"]["listenKey"]
