from __future__ import annotations

from typing import Any

import pytest

from .test_rest_wire import LIMIT, MARKET, ORDER
from .test_session_wire import PATH, call
from .wire import Simulator, receive, until

TERMS: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "quantity": "0.012",
    "price": "58400.0",
}
HISTORY = "/fapi/v1/orderAmendment"
REPLY_KEYS = [
    "orderId", "symbol", "pair", "status", "clientOrderId", "price", "origQty", "executedQty",
    "cumQty", "timeInForce", "type", "reduceOnly", "closePosition", "side", "positionSide",
    "stopPrice", "workingType", "priceProtect", "origType", "priceMatch",
    "selfTradePreventionMode", "goodTillDate", "updateTime",
]  # fmt: skip


def test_an_order_is_amended_by_either_id_and_its_history_kept(exchange: Simulator) -> None:
    placed = exchange.order(**LIMIT, newClientOrderId="mine-2")
    reply = exchange.ok("PUT", ORDER, **TERMS, orderId=placed["orderId"])
    assert list(reply) == REPLY_KEYS
    same = ("orderId", "clientOrderId", "status")
    assert [reply[key] for key in same] == [placed[key] for key in same]
    assert (reply["price"], reply["origQty"], reply["pair"]) == ("58400.00", "0.012", "BTCUSDT")
    assert reply["selfTradePreventionMode"] == "NONE"
    second = {**TERMS, "price": "58300", "origClientOrderId": "mine-2", "modifyId": "77"}
    assert exchange.ok("PUT", ORDER, **second)["modifyId"] == "77"
    known = exchange.ok("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert (known["price"], known["origQty"]) == ("58300.00", "0.012")
    rows = exchange.ok("GET", HISTORY, symbol="BTCUSDT", orderId=placed["orderId"])
    assert [row["amendment"] for row in rows] == [
        {
            "price": {"before": "58400", "after": "58300"},
            "origQty": {"before": "0.012", "after": "0.012"},
            "count": 2,
        },
        {
            "price": {"before": "58500", "after": "58400"},
            "origQty": {"before": "0.01", "after": "0.012"},
            "count": 1,
        },
    ]
    assert list(rows[0]) == [
        "amendmentId", "symbol", "pair", "orderId", "clientOrderId", "time", "amendment",
    ]  # fmt: skip
    assert rows[0]["amendmentId"] > rows[1]["amendmentId"]
    by_name = {"symbol": "BTCUSDT", "origClientOrderId": "mine-2"}
    assert exchange.ok("GET", HISTORY, **by_name, limit=1) == rows[:1]
    assert exchange.ok("GET", HISTORY, **by_name, endTime=rows[1]["time"] - 1) == []
    assert exchange.ok("GET", HISTORY, **by_name, startTime=rows[1]["time"]) == rows


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"quantity": ""}, -1102),
        ({"price": ""}, -1102),
        ({"side": ""}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"side": "SELL"}, -1117),
        ({"orderId": ""}, -1102),
        ({"orderId": "1"}, -2013),
        ({"quantity": "0.0101"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"price": "58400.05"}, -4014),
        ({"price": "70000"}, -4016),
        ({"price": "58500", "quantity": "0.010"}, -5027),
        ({"price": "600", "quantity": "0.001"}, -5029),
        ({"quantity": "100"}, -2019),
        ({"reduceOnly": "true"}, -5047),
        ({"priceMatch": "FRONT"}, -5037),
        ({"priceMatch": "QUEUE"}, -1106),
        ({"modifyId": "not so"}, -1130),
    ],
)
def test_a_bad_amendment_is_refused_and_the_order_stays(
    exchange: Simulator, changes: dict[str, str], code: int
) -> None:
    order_id = exchange.order(**LIMIT)["orderId"]
    wanted = {**TERMS, "orderId": order_id, **changes}
    assert exchange.refused("PUT", ORDER, **wanted) == (400, code)
    (left,) = exchange.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    assert (left["orderId"], left["price"], left["origQty"]) == (order_id, "58500.00", "0.010")
    assert exchange.ok("GET", HISTORY, symbol="BTCUSDT", orderId=order_id) == []


def test_the_history_of_an_unknown_order_is_refused(exchange: Simulator) -> None:
    assert exchange.refused("GET", HISTORY, symbol="BTCUSDT", orderId=1) == (400, -2013)
    assert exchange.refused("GET", HISTORY, symbol="BTCUSDT") == (400, -1102)
    order_id = exchange.order(**LIMIT)["orderId"]
    too_many = {"symbol": "BTCUSDT", "orderId": order_id, "limit": 101}
    assert exchange.refused("GET", HISTORY, **too_many) == (400, -1130)


def test_the_user_stream_tells_the_amendment_before_what_it_trades(exchange: Simulator) -> None:
    order_id = exchange.order(**LIMIT)["orderId"]
    ask = exchange.touch()[1]
    with exchange.user_stream() as link:
        exchange.ok("PUT", ORDER, **TERMS, orderId=order_id, modifyId="9")
        told = receive(link)
        assert told["e"] == "ORDER_TRADE_UPDATE"
        body = told["o"]
        assert (body["x"], body["X"], body["i"], body["M"]) == ("AMENDMENT", "NEW", order_id, "9")
        assert (body["p"], body["q"], body["V"]) == ("58400", "0.012", "NONE")
        crossing = {**TERMS, "price": f"{ask * 1.01:.0f}", "orderId": order_id}
        reply = exchange.ok("PUT", ORDER, **crossing)
        assert (reply["status"], reply["executedQty"]) == ("FILLED", "0.012")
        again = receive(link)["o"]
        assert (again["x"], again["X"], "M" in again) == ("AMENDMENT", "NEW", False)
        last = until(link, lambda e: e["e"] == "ORDER_TRADE_UPDATE" and e["o"]["X"] == "FILLED")
        assert (last["o"]["i"], last["o"]["z"]) == (order_id, "0.012")
    assert exchange.refused("PUT", ORDER, **TERMS, orderId=order_id) == (400, -2013)


def test_an_amendment_that_ends_the_order_is_told_as_cancelled(exchange: Simulator) -> None:
    order_id = exchange.order(**{**LIMIT, "timeInForce": "GTX"})["orderId"]
    with exchange.user_stream() as link:
        taking = {**TERMS, "price": f"{exchange.touch()[1] * 1.01:.0f}", "orderId": order_id}
        assert exchange.ok("PUT", ORDER, **taking)["status"] == "CANCELED"
        body = receive(link)["o"]
        assert (body["x"], body["X"], body["i"]) == ("CANCELED", "CANCELED", order_id)


def test_only_open_limit_orders_can_be_amended(exchange: Simulator) -> None:
    order_id = exchange.order(**MARKET)["orderId"]
    assert exchange.refused("PUT", ORDER, **TERMS, orderId=order_id) == (400, -2013)


def test_the_websocket_api_amends_with_the_reply_of_rest(exchange: Simulator) -> None:
    order_id = exchange.order(**LIMIT)["orderId"]
    with exchange.socket(PATH) as link:
        reply = call(link, "order.modify", "m", **TERMS, orderId=str(order_id))
        assert (reply["id"], reply["status"]) == ("m", 200)
        assert list(reply["result"]) == REPLY_KEYS
        kinds = [row["rateLimitType"] for row in reply["rateLimits"]]
        assert kinds == ["REQUEST_WEIGHT", "ORDERS", "ORDERS"]
        again = call(link, "order.modify", **TERMS, orderId=order_id)
        assert (again["status"], again["error"]["code"]) == (400, -5027)


def test_the_countdown_is_told_on_the_user_stream_once_it_fires(exchange: Simulator) -> None:
    path = "/fapi/v1/countdownCancelAll"
    orders = [exchange.order(**LIMIT)["orderId"] for _ in range(2)]
    with exchange.user_stream() as link:
        exchange.ok("POST", path, symbol="BTCUSDT", countdownTime=100)
        bodies = [receive(link)["o"] for _ in orders]
    assert [(body["x"], body["X"], body["i"]) for body in bodies] == [
        ("CANCELED", "CANCELED", order_id) for order_id in orders
    ]


def test_a_countdown_of_zero_calls_it_off(exchange: Simulator) -> None:
    path = "/fapi/v1/countdownCancelAll"
    kept = exchange.order(**{**LIMIT, "symbol": "ETHUSDT", "price": "2900", "quantity": "0.1"})
    other = exchange.order(**LIMIT)
    exchange.ok("POST", path, symbol="ETHUSDT", countdownTime=300)
    reply = exchange.ok("POST", path, symbol="ETHUSDT", countdownTime=0)
    assert reply == {"symbol": "ETHUSDT", "countdownTime": "0"}
    with exchange.user_stream() as link:
        # The later countdown of another symbol has fired: the earlier one would have, too.
        exchange.ok("POST", path, symbol="BTCUSDT", countdownTime=400)
        assert receive(link)["o"]["i"] == other["orderId"]
    left = exchange.ok("GET", "/fapi/v1/openOrders", symbol="ETHUSDT")
    assert [order["orderId"] for order in left] == [kept["orderId"]]
    done = exchange.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="ETHUSDT")
    assert done == {"code": 200, "msg": "The operation of cancel all open order is done."}
    for wait, code in (("-1", -1130), ("", -1102), ("soon", -1102)):
        assert exchange.refused("POST", path, symbol="ETHUSDT", countdownTime=wait) == (400, code)
