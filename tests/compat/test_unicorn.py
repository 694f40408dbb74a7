"""unicorn-binance-websocket-api: streams and the WebSocket API, in threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import API_KEY, API_SECRET, Venue, eventually, running

needed("unicorn_binance_websocket_api")
BTC = {"symbol": "BTCUSDT"}
pytestmark = pytest.mark.timeout(60)  # Its requests wait for their answers without an end.
KEYS = {"api_key": API_KEY, "api_secret": API_SECRET}


@pytest.fixture
def distant() -> Iterator[Venue]:
    """A venue far away: this client notes whom to wake only after it has sent a request."""
    with running("--faults", "distant") as venue:
        yield venue


@pytest.fixture
def far_manager(distant: Venue) -> Iterator[Any]:
    manager = pointed("unicorn-binance-websocket-api", distant)["manager"]
    yield manager
    manager.stop_manager()


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


def test_an_order_goes_its_way_over_the_websocket_api(far_manager: Any, distant: Venue) -> None:
    manager, venue = far_manager, distant
    session = manager.create_stream(api=True, **KEYS)
    eventually(lambda: venue.get("/sim/state")["connections"]["sessions"] == 1)
    ask = {"stream_id": session, "return_response": True}
    futures = manager.api.futures
    name, order = futures.create_order(
        **ask,
        **BTC,
        side="BUY",
        order_type="LIMIT",
        time_in_force="GTC",
        quantity=0.01,
        price=venue.away(-0.01),
    )
    assert (order["status"], order["result"]["status"]) == (200, "NEW")
    assert order["result"]["clientOrderId"] == name
    name = {**BTC, "order_id": order["result"]["orderId"]}
    assert futures.get_order(**ask, **name)["result"]["origQty"] == "0.010"
    changed = futures.modify_order(
        **ask, **name, side="BUY", quantity=0.02, price=venue.away(-0.02)
    )
    assert changed["result"]["origQty"] == "0.020"
    assert futures.cancel_order(**ask, **name)["result"]["status"] == "CANCELED"
    assert futures.cancel_order(**ask, **name)["error"]["code"] == -2011


def test_it_asks_for_account_and_market_over_the_websocket_api(
    far_manager: Any, distant: Venue
) -> None:
    manager, venue = far_manager, distant
    session = manager.create_stream(api=True, **KEYS)
    eventually(lambda: venue.get("/sim/state")["connections"]["sessions"] == 1)
    ask = {"stream_id": session, "return_response": True}
    futures = manager.api.futures
    assert futures.ping(**ask)["result"] == {}
    assert futures.get_server_time(**ask)["result"]["serverTime"] > 0
    assert futures.get_account_balance(**ask)["result"][0]["asset"] == "USDT"
    assert "totalWalletBalance" in futures.get_account_status(**ask)["result"]
    assert isinstance(futures.get_account_position(**ask)["result"], list)
    assert futures.get_order_book(**ask, **BTC)["result"]["lastUpdateId"] > 0
    assert futures.get_ticker_price(**ask, **BTC)["result"]["symbol"] == "BTCUSDT"
    assert futures.get_ticker_order_book(**ask, **BTC)["result"]["symbol"] == "BTCUSDT"
    assert futures.get_listen_key(**ask)["result"]["listenKey"]
