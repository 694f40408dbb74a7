from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from hft.clock import wall_ms

from .test_rest_wire import LIMIT
from .wire import API_KEY, Simulator, receive, sign

BATCH = "/fapi/v1/batchOrders"
SYMBOL = {"symbol": "BTCUSDT"}


def dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def open_ids(exchange: Simulator) -> list[int]:
    rows = exchange.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    return [row["orderId"] for row in rows]


def test_every_order_of_a_batch_has_its_own_answer_in_its_place(exchange: Simulator) -> None:
    batch = [
        {**LIMIT, "newClientOrderId": "b-1", "reduceOnly": "FALSE"},
        {**LIMIT, "quantity": "0.0001"},
        {**LIMIT, "symbol": ""},
        {**LIMIT, "quantity": 0.010, "price": 58400, "reduceOnly": False},
        {**LIMIT, "type": "MARKET", "quantity": "0.001", "newOrderRespType": "RESULT"},
    ]
    replies = exchange.ok("POST", BATCH, batchOrders=dumps(batch))
    assert replies[1] == {
        "code": -1111,
        "msg": "Precision is over the maximum defined for this asset.",
    }
    assert replies[2]["code"] == -1102
    assert (replies[0]["status"], replies[0]["clientOrderId"]) == ("NEW", "b-1")
    assert (replies[3]["price"], replies[3]["origQty"]) == ("58400.00", "0.010")
    assert (replies[4]["status"], replies[4]["executedQty"]) == ("FILLED", "0.001")
    assert open_ids(exchange) == [replies[0]["orderId"], replies[3]["orderId"]]


@pytest.mark.parametrize("encoded", [True, False])
def test_the_signature_is_over_the_json_as_it_was_sent(exchange: Simulator, encoded: bool) -> None:
    text = json.dumps([LIMIT])
    body = f"timestamp={wall_ms()}&batchOrders={quote(text) if encoded else text}"
    headers = {"X-MBX-APIKEY": API_KEY, "Content-Type": "application/x-www-form-urlencoded"}
    for signature, status in ((sign(body), 200), (sign(body.replace("58500", "58400")), 400)):
        data = f"{body}&signature={signature}".encode()
        reply = exchange.raw("POST", BATCH, data=data, headers=headers)
        assert reply.status_code == status, reply.text
    assert reply.json()["code"] == -1022
    assert len(open_ids(exchange)) == 1


def test_a_batch_amends_in_order_and_tells_each_step(exchange: Simulator) -> None:
    order_id = exchange.order(**LIMIT)["orderId"]
    terms = {**SYMBOL, "side": "BUY", "quantity": "0.010", "orderId": order_id}
    batch = [
        {**terms, "price": "58400", "modifyId": "one"},
        {**terms, "price": "58400"},
        {**terms, "price": "58300"},
        {**terms, "price": "58200", "orderId": 1},
    ]
    with exchange.user_stream() as link:
        replies = exchange.ok("PUT", BATCH, batchOrders=dumps(batch))
        told = [receive(link)["o"] for _ in range(2)]
    assert [reply.get("price") or reply["code"] for reply in replies] == [
        "58400.00", -5027, "58300.00", -2013,
    ]  # fmt: skip
    assert replies[0]["modifyId"] == "one"
    assert [(body["x"], body["p"], body.get("M")) for body in told] == [
        ("AMENDMENT", "58400", "one"),
        ("AMENDMENT", "58300", None),
    ]


@pytest.mark.parametrize("name", ["orderIdList", "orderidlist"])
def test_a_batch_is_cancelled_by_venue_ids(exchange: Simulator, name: str) -> None:
    orders = [exchange.order(**LIMIT)["orderId"] for _ in range(3)]
    wanted = [orders[0], 1, orders[2]]
    replies = exchange.ok("DELETE", BATCH, **SYMBOL, **{name: dumps(wanted)})
    assert [reply.get("status") for reply in replies] == ["CANCELED", None, "CANCELED"]
    assert replies[1] == {"code": -2011, "msg": "Unknown order sent."}
    assert open_ids(exchange) == [orders[1]]


@pytest.mark.parametrize("name", ["origClientOrderIdList", "origclientorderidlist"])
def test_a_batch_is_cancelled_by_client_ids(exchange: Simulator, name: str) -> None:
    for mine in ("c-1", "c-2"):
        exchange.order(**LIMIT, newClientOrderId=mine)
    replies = exchange.ok("DELETE", BATCH, **SYMBOL, **{name: dumps(["c-2", "c-1", "c-1"])})
    assert [reply.get("clientOrderId") or reply["code"] for reply in replies] == [
        "c-2", "c-1", -2011,
    ]  # fmt: skip
    assert open_ids(exchange) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", -1102),
        ("[", -1130),
        ("nonsense", -1130),
        ("{}", -1130),
        ("[]", -4082),
        ("[1]", -1130),
        ("[NaN]", -1130),
        ('[{"symbol":["BTCUSDT"]}]', -1130),
        ("[" * 2_000, -1130),
        (dumps([LIMIT] * 6), -4082),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(exchange: Simulator, text: str, code: int) -> None:
    for method in ("POST", "PUT"):
        assert exchange.refused(method, BATCH, batchOrders=text) == (400, code)
    assert open_ids(exchange) == []


def test_a_batch_of_cancels_is_checked_like_one_of_orders(exchange: Simulator) -> None:
    path = BATCH
    assert exchange.refused("DELETE", path, orderIdList="[1]") == (400, -1102)
    assert exchange.refused("DELETE", path, **SYMBOL) == (400, -1102)
    assert exchange.refused("DELETE", path, **SYMBOL, orderIdList="[null]") == (400, -1130)
    assert exchange.refused("DELETE", path, **SYMBOL, orderIdList="7") == (400, -1130)
    eleven = dumps(list(range(11)))
    assert exchange.refused("DELETE", path, **SYMBOL, orderIdList=eleven) == (400, -4082)
    odd = exchange.ok("DELETE", path, **SYMBOL, orderIdList=f'[{"9" * 40},"x"]')
    assert [reply["code"] for reply in odd] == [-1102, -1102]
