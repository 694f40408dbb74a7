"""ccxt places, changes and cancels orders over REST."""

from __future__ import annotations

from typing import Any

import pytest

from hft.clock import wall_ms
from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue, eventually, stops_nearby

ccxt = needed("ccxt")
BTC = "BTC/USDT:USDT"


@pytest.fixture
def exchange(venue: Venue) -> Any:
    exchange = pointed("ccxt", venue)["exchange"]
    exchange.enableRateLimit = False
    exchange.load_markets()
    return exchange


def test_a_market_order_is_filled_and_says_so(exchange: Any) -> None:
    order = exchange.create_order(BTC, "market", "buy", 0.01)
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.01, 0.0)
    found = exchange.fetch_order(order["id"], BTC)
    assert found["average"] == pytest.approx(found["cost"] / 0.01)
    assert found["id"] in {row["id"] for row in exchange.fetch_closed_orders(BTC)}


def test_a_limit_order_rests_is_found_changed_and_cancelled(exchange: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    order = exchange.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "mine-1"})
    assert (order["status"], order["clientOrderId"]) == ("open", "mine-1")
    assert exchange.fetch_order(order["id"], BTC)["price"] == price
    by_name = exchange.fetch_order(None, BTC, {"origClientOrderId": "mine-1"})
    assert by_name["id"] == order["id"]
    assert [row["id"] for row in exchange.fetch_open_orders(BTC)] == [order["id"]]
    assert exchange.fetch_open_order(order["id"], BTC)["id"] == order["id"]
    changed = exchange.edit_order(order["id"], BTC, "limit", "buy", 0.02, price - 10)
    assert (changed["id"], changed["amount"], changed["price"]) == (order["id"], 0.02, price - 10)
    gone = exchange.cancel_order(order["id"], BTC)
    assert (gone["status"], gone["amount"]) == ("canceled", 0.02)
    assert exchange.fetch_open_orders(BTC) == []
    assert exchange.fetch_order(order["id"], BTC)["status"] == "canceled"
    assert order["id"] in {row["id"] for row in exchange.fetch_canceled_orders(BTC)}


def test_orders_go_in_and_out_in_batches(exchange: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    wishes = [
        {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": price - number}
        for number in range(4)
    ]
    orders = exchange.create_orders(wishes)
    assert [order["status"] for order in orders] == ["open"] * 4
    edits = [{**wish, "id": order["id"]} for wish, order in zip(wishes, orders, strict=True)]
    edits = [{**edit, "amount": 0.02} for edit in edits[:2]]
    assert [row["amount"] for row in exchange.edit_orders(edits)] == [0.02, 0.02]
    gone = exchange.cancel_orders([order["id"] for order in orders[:2]], BTC)
    assert [order["status"] for order in gone] == ["canceled"] * 2
    named = [order["clientOrderId"] for order in orders[2:3]]
    exchange.cancel_orders([], BTC, {"clientOrderIds": named})
    assert [row["id"] for row in exchange.fetch_open_orders(BTC)] == [orders[3]["id"]]
    exchange.cancel_all_orders(BTC)
    exchange.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    assert exchange.fetch_open_orders() == []


def test_a_batch_tells_what_each_order_came_to(exchange: Any, venue: Venue) -> None:
    limit = {"symbol": BTC, "type": "limit", "side": "buy", "price": venue.away(-0.01)}
    told = exchange.create_orders([{**limit, "amount": 0.01}, {**limit, "amount": 900}])
    told = {order["status"]: order for order in told}
    assert told["open"]["amount"] == 0.01
    assert told["rejected"]["info"]["code"] == -2019


@pytest.mark.parametrize("working", ["CONTRACT_PRICE", "MARK_PRICE"])
def test_a_stop_that_the_market_reaches_becomes_an_order_that_fills(
    exchange: Any, venue: Venue, working: str
) -> None:
    def place(side: str, trigger: float) -> Any:
        params = {"triggerPrice": trigger, "workingType": working}
        return exchange.create_order(BTC, "market", side.lower(), 0.01, None, params)

    stops = stops_nearby(venue, place, ccxt.ExchangeError)
    assert [stop["status"] for stop in stops] == ["open", "open"]
    assert [stop["triggerPrice"] for stop in stops] == [
        float(stop["info"]["triggerPrice"]) for stop in stops
    ]
    eventually(venue.held)
    found = [exchange.fetch_order(stop["id"], BTC, {"trigger": True}) for stop in stops]
    assert "closed" in [order["status"] for order in found]
    assert venue.held()["BOTH"] in (0.01, -0.01)
    waiting = exchange.fetch_open_orders(BTC, params={"trigger": True})
    for order in waiting:
        exchange.cancel_order(order["id"], BTC, {"trigger": True})
    assert exchange.fetch_open_orders(BTC, params={"trigger": True}) == []


def test_stop_loss_take_profit_and_trailing_orders_wait_for_their_prices(
    exchange: Any, venue: Venue
) -> None:
    exchange.create_order(BTC, "market", "buy", 0.01)
    low, high = venue.away(-0.02), venue.away(0.02)
    wishes: list[dict[str, Any]] = [
        {"stopLossPrice": low, "reduceOnly": True},
        {"takeProfitPrice": high, "reduceOnly": True},
        {"stopLossPrice": low, "closePosition": True},
        {"trailingPercent": 2, "trailingTriggerPrice": high, "reduceOnly": True},
    ]
    ids = {exchange.create_order(BTC, "market", "sell", 0.01, None, w)["id"] for w in wishes}
    limit = exchange.create_order(BTC, "limit", "sell", 0.01, low - 10, {"stopLossPrice": low})
    ids.add(limit["id"])
    waiting = exchange.fetch_open_orders(BTC, params={"trigger": True})
    assert {order["id"] for order in waiting} == ids
    exchange.cancel_all_orders(BTC, {"trigger": True})
    assert exchange.fetch_open_orders(BTC, params={"trigger": True}) == []
    assert len(exchange.fetch_orders(BTC, params={"trigger": True})) >= 5


def test_a_post_only_order_rests_or_is_refused(exchange: Any, venue: Venue) -> None:
    order = exchange.create_order(BTC, "limit", "buy", 0.01, venue.away(-0.01), {"postOnly": True})
    assert (order["status"], order["timeInForce"], order["postOnly"]) == ("open", "PO", True)
    with pytest.raises(ccxt.OrderNotFillable, match="-5022"):
        exchange.create_order(BTC, "limit", "buy", 0.01, venue.away(0.01), {"postOnly": True})


def test_what_an_immediate_order_leaves_expires(exchange: Any, venue: Venue) -> None:
    order = exchange.create_order(
        BTC, "limit", "buy", 0.01, venue.away(-0.01), {"timeInForce": "IOC"}
    )
    assert (order["status"], order["filled"]) == ("expired", 0)
    with pytest.raises(ccxt.OrderNotFillable, match="-5021"):
        exchange.create_order(BTC, "limit", "buy", 0.01, venue.away(-0.01), {"timeInForce": "FOK"})


def test_an_order_may_be_good_until_a_date(exchange: Any, venue: Venue) -> None:
    until_ms = (wall_ms() // 1_000 + 3_600) * 1_000
    wish = {"timeInForce": "GTD", "goodTillDate": until_ms}
    order = exchange.create_order(BTC, "limit", "buy", 0.01, venue.away(-0.01), wish)
    assert order["info"]["goodTillDate"] in (until_ms, str(until_ms))


def test_an_order_may_take_its_price_from_the_queue(exchange: Any) -> None:
    order = exchange.create_order(BTC, "limit", "buy", 0.01, None, {"priceMatch": "QUEUE_5"})
    assert order["price"] > 0
    assert order["info"]["priceMatch"] == "QUEUE_5"


def test_an_order_that_only_reduces_needs_a_position(exchange: Any) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="-2022"):
        exchange.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})


def test_every_wrong_order_raises_the_class_that_its_code_means(
    exchange: Any, venue: Venue
) -> None:
    price, low = venue.away(-0.01), venue.away(-0.2)
    limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    for wish, code, kind in (
        ({"quantity": "0.0001", "price": price}, "-1111", ccxt.BadRequest),
        ({"quantity": "0", "price": price}, "-4003", ccxt.BadRequest),
        ({"quantity": "1001", "price": price}, "-4005", ccxt.BadRequest),
        ({"quantity": "0.01", "price": price + 0.05}, "-4014", ccxt.BadRequest),
        ({"quantity": "0.01", "price": price + 0.0555}, "-1111", ccxt.BadRequest),
        (
            {"quantity": "0.01", "price": low, "side": "SELL"},
            "-4024",
            ccxt.ExchangeError,
        ),
        ({"quantity": "0.01", "price": venue.away(0.2)}, "-4016", ccxt.ExchangeError),
        ({"quantity": "10", "price": price}, "-2019", ccxt.InsufficientFunds),
        ({"quantity": "0.01"}, "-1102", ccxt.ExchangeError),
        ({"quantity": "0.01", "price": price, "side": "HOLD"}, "-1117", ccxt.ExchangeError),
        ({"quantity": "0.01", "price": price, "type": "STOP"}, "-4120", ccxt.InvalidOrder),
        ({"quantity": "0.01", "price": price, "symbol": "NOPE"}, "-1121", ccxt.BadSymbol),
    ):
        with pytest.raises(kind, match=code):
            exchange.fapiPrivatePostOrder({**limit, **wish})
    assert venue.open_ids() == []


def test_an_order_worth_too_little_is_an_invalid_order(exchange: Any) -> None:
    wish = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    exchange.set_leverage(20, BTC)
    eth = {**wish, "symbol": "ETHUSDT", "quantity": "0.001", "priceMatch": "QUEUE"}
    with pytest.raises(ccxt.InvalidOrder, match="-4164"):
        exchange.fapiPrivatePostOrder(eth)


def test_an_unknown_order_is_an_order_not_found(exchange: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        exchange.cancel_order("1", BTC)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        exchange.fetch_order("1", BTC)


def test_a_client_id_is_taken_while_its_order_is_open(exchange: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    exchange.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "twice"})
    with pytest.raises(ccxt.InvalidOrder, match="-4116"):
        exchange.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "twice"})
    with pytest.raises(ccxt.BadRequest, match="-4015"):
        exchange.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "a b"})


def test_the_countdown_cancels_what_is_open(exchange: Any, venue: Venue) -> None:
    exchange.create_order(BTC, "limit", "buy", 0.01, venue.away(-0.01))
    armed = exchange.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 200})
    assert armed == {"symbol": "BTCUSDT", "countdownTime": "200"}
    eventually(lambda: not venue.open_ids())
