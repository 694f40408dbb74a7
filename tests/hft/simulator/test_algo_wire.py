"""Conditional orders as a client meets them: over real sockets, from a running process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .test_session_wire import call
from .wire import Simulator, eventually, until

SYMBOL = {"symbol": "BTCUSDT"}
STOP: dict[str, Any] = {
    **SYMBOL,
    "algoType": "CONDITIONAL",
    "side": "BUY",
    "type": "STOP_MARKET",
    "quantity": "0.010",
    "triggerPrice": "90000.0",
}
ROW_KEYS = (
    "algoId,clientAlgoId,algoType,orderType,symbol,side,positionSide,timeInForce,quantity,"
    "algoStatus,triggerPrice,price,icebergQuantity,selfTradePreventionMode,workingType,priceMatch,"
    "closePosition,priceProtect,reduceOnly,activatePrice,callbackRate,createTime,updateTime,"
    "triggerTime,goodTillDate"
)


def keys(row: Any) -> str:
    return ",".join(row)


@pytest.fixture
def algos(exchange: Simulator) -> Iterator[Simulator]:
    """The shared simulator, left without untriggered orders."""
    yield exchange
    exchange.ok("DELETE", "/fapi/v1/algoOpenOrders", **SYMBOL)


def place(exchange: Simulator, **params: Any) -> Any:
    return exchange.ok("POST", "/fapi/v1/algoOrder", **{**STOP, **params})


def refused(exchange: Simulator, *left_out: str, **params: Any) -> int:
    wish = {name: value for name, value in STOP.items() if name not in left_out}
    status, code = exchange.refused("POST", "/fapi/v1/algoOrder", **{**wish, **params})
    assert status == 400
    return code


def test_an_order_is_placed_queried_listed_and_cancelled(algos: Simulator) -> None:
    reply = place(algos, clientAlgoId="life-1", workingType="MARK_PRICE", priceProtect="TRUE")
    assert keys(reply) == ROW_KEYS
    assert isinstance(reply["algoId"], int)
    told = {name: reply[name] for name in ("quantity", "triggerPrice", "price", "callbackRate")}
    assert told == {
        "quantity": "0.010",
        "triggerPrice": "90000.00",
        "price": "0.00",
        "callbackRate": "",
    }
    assert (reply["algoStatus"], reply["priceProtect"], reply["triggerTime"]) == ("NEW", True, 0)
    found = algos.ok("GET", "/fapi/v1/algoOrder", clientAlgoId="life-1")
    assert {**found, **reply} == found
    assert (found["actualOrderId"], found["tpOrderType"]) == ("", "")
    assert algos.ok("GET", "/fapi/v1/openAlgoOrders") == [found]
    assert algos.ok("GET", "/fapi/v1/openAlgoOrders", symbol="ETHUSDT") == []
    assert algos.ok("GET", "/fapi/v1/openOrders") == []
    gone = algos.ok("DELETE", "/fapi/v1/algoOrder", algoId=reply["algoId"])
    assert gone == {
        "algoId": reply["algoId"],
        "clientAlgoId": "life-1",
        "code": "200",
        "msg": "success",
    }
    assert algos.ok("GET", "/fapi/v1/openAlgoOrders") == []
    listed = algos.ok("GET", "/fapi/v1/allAlgoOrders", **SYMBOL, algoId=reply["algoId"])
    assert [row["algoStatus"] for row in listed] == ["CANCELED"]


def test_what_is_not_there_is_said_to_be_unknown(algos: Simulator) -> None:
    path = "/fapi/v1/algoOrder"
    assert algos.refused("DELETE", path, algoId=1) == (400, -2011)
    assert algos.refused("GET", path, clientAlgoId="nobody") == (400, -2013)
    assert algos.refused("GET", path) == (400, -1102)
    assert algos.refused("GET", "/fapi/v1/allAlgoOrders") == (400, -1102)
    assert algos.refused("GET", "/fapi/v1/allAlgoOrders", **SYMBOL, limit=1001) == (400, -1130)
    done = algos.ok("DELETE", "/fapi/v1/algoOpenOrders", **SYMBOL)
    assert done == {"code": 200, "msg": "The operation of cancel all open order is done."}


def test_an_order_counts_as_one_order_and_weighs_nothing(algos: Simulator) -> None:
    before = algos.signed("POST", "/fapi/v1/algoOrder", **STOP).headers
    after = algos.signed("POST", "/fapi/v1/algoOrder", **STOP).headers
    for name in ("X-MBX-ORDER-COUNT-1M", "X-MBX-ORDER-COUNT-10S"):
        assert int(after[name]) in (int(before[name]) + 1, 1)
    weights = [int(headers["X-MBX-USED-WEIGHT-1M"]) for headers in (before, after)]
    assert weights[0] == weights[1] or weights[1] == 0
    listed = algos.signed("GET", "/fapi/v1/openAlgoOrders").headers
    assert int(listed["X-MBX-USED-WEIGHT-1M"]) in (weights[1] + 40, 40)


@pytest.mark.parametrize(
    ("code", "left_out", "params"),
    [
        (-1102, ("algoType",), {}),
        (-1130, (), {"algoType": "VP"}),
        (-1102, ("side",), {}),
        (-1117, (), {"side": "HOLD"}),
        (-1102, ("type",), {}),
        (-1116, (), {"type": "STOP_LIMIT"}),
        (-4120, (), {"type": "LIMIT"}),
        (-1121, (), {"symbol": "XXXUSDT"}),
        (-1102, ("triggerPrice",), {}),
        (-1102, ("quantity",), {}),
        (-1106, (), {"price": "90000"}),
        (-1106, (), {"callbackRate": "1"}),
        (-1115, (), {"timeInForce": "SOON"}),
        (-1115, (), {"timeInForce": "GTD"}),
        (-1130, (), {"workingType": "INDEX_PRICE"}),
        (-1130, (), {"priceProtect": "maybe"}),
        (-1136, (), {"newOrderRespType": "FULL"}),
        (-4006, (), {"triggerPrice": "0"}),
        (-4006, (), {"triggerPrice": "-1"}),
        (-4007, (), {"triggerPrice": "4529764.1"}),
        (-1111, (), {"triggerPrice": "90000.001"}),
        (-4014, (), {"triggerPrice": "90000.05"}),
        (-1100, (), {"triggerPrice": "abc"}),
        (-1111, (), {"quantity": "0.0001"}),
        (-4003, (), {"quantity": "0"}),
        (-4005, (), {"quantity": "121"}),
        (-4164, (), {"quantity": "0.001", "side": "SELL", "triggerPrice": "40000"}),
        (-4015, (), {"clientAlgoId": "x" * 37}),
        (-4015, (), {"clientAlgoId": "no spaces"}),
        (-2021, (), {"triggerPrice": "30000"}),
        (-2021, (), {"side": "SELL"}),
        (-1102, (), {"type": "STOP"}),
        (-4183, (), {"type": "STOP", "price": "94500.1"}),
        (-4184, (), {"type": "TAKE_PROFIT", "side": "SELL", "price": "85499.9"}),
        (-4137, (), {"closePosition": "true"}),
        (-4138, ("quantity",), {"closePosition": "true", "reduceOnly": "false"}),
        (-1106, ("quantity",), {"closePosition": "true", "reduceOnly": "true"}),
        (-4136, ("quantity",), {"closePosition": "true", "type": "STOP", "price": "90000"}),
        (-4509, (), {"timeInForce": "GTE_GTC", "side": "SELL", "triggerPrice": "30000"}),
        (-1106, (), {"type": "TRAILING_STOP_MARKET"}),
        (-1102, ("triggerPrice",), {"type": "TRAILING_STOP_MARKET"}),
        (-2007, ("triggerPrice",), {"type": "TRAILING_STOP_MARKET", "callbackRate": "0.05"}),
        (-2007, ("triggerPrice",), {"type": "TRAILING_STOP_MARKET", "callbackRate": "20.1"}),
        (-2007, ("triggerPrice",), {"type": "TRAILING_STOP_MARKET", "callbackRate": "1.25"}),
    ],
)
def test_a_wrong_order_is_refused_by_its_name_and_none_is_kept(
    algos: Simulator, code: int, left_out: tuple[str, ...], params: dict[str, Any]
) -> None:
    assert refused(algos, *left_out, **params) == code
    assert algos.ok("GET", "/fapi/v1/openAlgoOrders") == []


def test_a_trailing_activation_must_lie_ahead(algos: Simulator) -> None:
    trail = {"type": "TRAILING_STOP_MARKET", "callbackRate": "1"}
    assert refused(algos, "triggerPrice", **trail, activatePrice="90000") == -2021
    assert refused(algos, "triggerPrice", **trail, activatePrice="0") == -4135
    wish = {name: value for name, value in STOP.items() if name != "triggerPrice"} | trail
    reply = algos.ok("POST", "/fapi/v1/algoOrder", **wish, activatePrice="50000")
    told = (reply["activatePrice"], reply["callbackRate"], reply["triggerPrice"])
    assert told == ("50000.00", "1.0", "0.00")


def test_an_id_is_unique_among_untriggered_orders(algos: Simulator) -> None:
    place(algos, clientAlgoId="twice")
    assert refused(algos, clientAlgoId="twice") == -4116
    algos.ok("DELETE", "/fapi/v1/algoOrder", clientAlgoId="twice")
    place(algos, clientAlgoId="twice")


def test_a_stop_fires_on_the_running_market_and_its_order_is_an_ordinary_one(
    algos: Simulator,
) -> None:
    with algos.user_stream() as link:
        eventually(lambda: _sold_through_a_stop(algos))
        done = until(link, lambda event: event.get("o", {}).get("X") == "FINISHED")["o"]
    row = algos.ok("GET", "/fapi/v1/algoOrder", algoId=done["aid"])
    assert (row["algoStatus"], row["actualType"], row["actualQty"]) == (
        "FINISHED",
        "MARKET",
        "0.010",
    )
    child = algos.ok("GET", "/fapi/v1/order", **SYMBOL, orderId=row["actualOrderId"])
    told = [child[name] for name in ("clientOrderId", "type", "origType", "stopPrice", "status")]
    assert told == ["fires", "MARKET", "STOP_MARKET", row["triggerPrice"], "FILLED"]
    assert float(row["actualPrice"]) == float(child["avgPrice"]) > 0


def _sold_through_a_stop(algos: Simulator) -> bool:
    """Place a stop at the bid and sell there; says whether that fired it."""
    bid, _ = algos.touch()
    wish = {**STOP, "side": "SELL", "triggerPrice": f"{bid:.1f}", "clientAlgoId": "fires"}
    if algos.signed("POST", "/fapi/v1/algoOrder", **wish).status_code != 200:
        return False
    algos.order(side="SELL", type="MARKET", quantity="0.010")
    if not algos.ok("GET", "/fapi/v1/openAlgoOrders", **SYMBOL):
        return True
    algos.signed("DELETE", "/fapi/v1/algoOrder", clientAlgoId="fires")
    return False


def test_the_websocket_api_places_and_cancels(algos: Simulator) -> None:
    with algos.socket("/ws-fapi/v1") as link:
        wish = {**STOP, "clientAlgoId": "ws-1"}
        wish["triggerprice"] = wish.pop("triggerPrice")
        placed = call(link, "algoOrder.place", 1, **wish)
        assert placed["status"] == 200
        assert keys(placed["result"]) == ROW_KEYS
        assert [row["count"] for row in placed["rateLimits"]][1:] != [0, 0]
        gone = call(link, "algoOrder.cancel", 2, algoid=placed["result"]["algoId"])
        assert gone["result"]["code"] == "200"
        again = call(link, "algoOrder.cancel", 3, clientAlgoId="ws-1")
        assert (again["status"], again["error"]["code"]) == (400, -2011)


def test_the_symbol_says_which_types_there_are(algos: Simulator) -> None:
    row = algos.get("/fapi/v1/exchangeInfo")["symbols"][0]
    assert {"STOP", "TRAILING_STOP_MARKET", "TAKE_PROFIT_MARKET"} < set(row["orderTypes"])
    assert row["triggerProtect"] == "0.0500"
