from __future__ import annotations

from typing import Any

import pytest

from hft.clock import wall_ms

from .wire import API_KEY, Simulator, eventually, sign

MARKET: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
LIMIT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "58500.00",
    "quantity": "0.010",
}
ORDER = "/fapi/v1/order"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": ""}, -1102),
        ({"side": ""}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "NOPE"}, -1116),
        ({"timeInForce": "DAY"}, -1115),
        ({"timeInForce": ""}, -1102),
        ({"quantity": ""}, -1102),
        ({"price": ""}, -1102),
        ({"quantity": "ten"}, -1100),
        ({"quantity": "0"}, -4003),
        ({"quantity": "-1"}, -4003),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "0.000000001"}, -1111),
        ({"quantity": "1000.001"}, -4005),
        ({"price": "58500.05"}, -4014),
        ({"price": "58500.001"}, -1111),
        ({"price": "0"}, -4001),
        ({"price": "500"}, -4013),
        ({"price": "9000000"}, -4002),
        ({"price": "70000"}, -4016),
        ({"side": "SELL", "price": "50000"}, -4024),
        ({"quantity": "0.0008", "price": "60000"}, -1111),
        ({"quantity": "0.001", "price": "49000"}, -4164),
        ({"newClientOrderId": "no blanks please"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"positionSide": "LONG"}, -4061),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"reduceOnly": "true"}, -2022),
        ({"quantity": "10"}, -2019),
        ({"timeInForce": "FOK", "quantity": "3", "price": "58600"}, -5021),
        ({"timeInForce": "GTX", "price": "62000"}, -5022),
        ({"selfTradePreventionMode": "MAYBE"}, -5039),
        ({"reduceOnly": "perhaps"}, -1130),
    ],
)
def test_a_bad_order_is_refused_with_the_venues_code(
    exchange: Simulator, changes: dict[str, str], code: int
) -> None:
    assert exchange.refused("POST", ORDER, **{**LIMIT, **changes}) == (400, code)
    assert exchange.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == []


def test_market_orders_have_their_own_largest_size(exchange: Simulator) -> None:
    wanted = {**MARKET, "quantity": "120.001"}
    assert exchange.refused("POST", ORDER, **wanted) == (400, -4005)
    small = {**MARKET, "quantity": "0.0005"}
    assert exchange.refused("POST", ORDER, **small) == (400, -1111)


def test_the_key_is_looked_at_before_the_signature(exchange: Simulator) -> None:
    query = f"timestamp={wall_ms()}"
    for key, code in ((None, -2014), ("no such format!", -2014), ("a" * 64, -2015)):
        headers = {"X-MBX-APIKEY": key} if key else {}
        reply = exchange.raw("GET", "/fapi/v3/account", query, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (401, code)


def test_signature_and_time_must_be_right(exchange: Simulator) -> None:
    now_ms = wall_ms()
    path = "/fapi/v3/account"

    def code_of(query: str) -> tuple[int, int, str]:
        body = exchange.raw("GET", path, query).json()
        return exchange.raw("GET", path, query).status_code, body["code"], body["msg"]

    assert code_of(f"timestamp={now_ms}&signature=" + "0" * 64)[:2] == (400, -1022)
    assert code_of(f"timestamp={now_ms}")[:2] == (400, -1102)
    assert exchange.refused("GET", path, timestamp="") == (400, -1102)
    late = exchange.signed("GET", path, timestamp=now_ms - 6_000).json()
    assert late == {
        "code": -1021,
        "msg": "Timestamp for this request is outside of the recvWindow.",
    }
    early = exchange.signed("GET", path, timestamp=now_ms + 10_000).json()
    assert early["code"] == -1021
    assert "1000ms ahead" in early["msg"]
    assert exchange.signed("GET", path, timestamp=now_ms - 6_000, recvWindow=60_000).ok
    assert exchange.refused("GET", path, recvWindow=60_001) == (400, -1130)


def test_query_and_body_are_one_signed_text(exchange: Simulator) -> None:
    query = "symbol=BTCUSDT&side=BUY"
    body = f"type=LIMIT&timeInForce=GTC&price=58500&quantity=0.01&timestamp={wall_ms()}"
    body += "&signature=" + sign(query + body)
    form = {"X-MBX-APIKEY": API_KEY, "Content-Type": "application/x-www-form-urlencoded"}
    for headers in (form, {"X-MBX-APIKEY": API_KEY}):
        reply = exchange.raw("POST", ORDER, query, data=body.encode(), headers=headers)
        assert reply.status_code == 200, reply.text
    assert len(exchange.ok("GET", "/fapi/v1/openOrders")) == 2


def test_an_unknown_path_says_so_with_404(exchange: Simulator) -> None:
    reply = exchange.raw("GET", "/fapi/v1/balance")
    assert reply.status_code == 404
    assert reply.json() == {
        "code": -5000,
        "msg": "Path /fapi/v1/balance, Method GET is invalid",
    }
    assert exchange.raw("PUT", "/fapi/v1/ping").status_code == 404


def test_replies_carry_the_used_limits(exchange: Simulator) -> None:
    reply = exchange.signed("POST", ORDER, **LIMIT)
    for name in ("X-MBX-USED-WEIGHT-1M", "X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M"):
        assert int(reply.headers[name]) >= 0
    assert int(reply.headers["X-MBX-ORDER-COUNT-1M"]) >= 1
    assert reply.headers["Content-Type"] == "application/json"


def test_an_order_lives_from_place_to_cancel_by_either_id(exchange: Simulator) -> None:
    placed = exchange.order(**{**LIMIT, "newClientOrderId": "mine-1"})
    assert placed["status"] == "NEW"
    assert "avgPrice" not in placed
    assert exchange.refused("POST", ORDER, **LIMIT, newClientOrderId="mine-1") == (400, -4116)
    by_name = exchange.ok("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert by_name["orderId"] == placed["orderId"]
    assert by_name["avgPrice"] == "0.00000"
    one = exchange.ok("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=placed["orderId"])
    assert one["price"] == "58500.00"
    gone = exchange.ok("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert gone["status"] == "CANCELED"
    again = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert exchange.refused("DELETE", ORDER, **again) == (400, -2011)
    assert exchange.refused("GET", "/fapi/v1/openOrder", **again) == (400, -2013)
    assert exchange.ok("GET", ORDER, **again)["status"] == "CANCELED"
    assert exchange.refused("GET", ORDER, symbol="BTCUSDT", orderId=1) == (400, -2013)
    assert exchange.refused("GET", ORDER, symbol="BTCUSDT") == (400, -1102)
    listed = exchange.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=placed["orderId"])
    assert listed[0]["clientOrderId"] == "mine-1"
    assert (listed[0]["pair"], listed[0]["cumBase"]) == ("BTCUSDT", "0.000")


def test_ack_reports_acceptance_and_result_the_outcome(exchange: Simulator) -> None:
    acknowledged = exchange.order(**MARKET)
    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0.000")
    result = exchange.order(**MARKET, newOrderRespType="RESULT")
    assert (result["status"], result["executedQty"]) == ("FILLED", "0.010")
    assert (result["price"], result["timeInForce"]) == ("0.00", "GTC")
    away = {**LIMIT, "timeInForce": "IOC", "newOrderRespType": "RESULT"}
    assert exchange.order(**away)["status"] == "EXPIRED"


def test_account_position_and_trades_agree_to_the_last_unit(exchange: Simulator) -> None:
    before = exchange.ok("GET", "/fapi/v3/account")
    order = exchange.order(**MARKET)
    exchange.order(**{**MARKET, "side": "SELL", "quantity": "0.004"})
    fills = exchange.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"])
    assert sum(float(fill["qty"]) for fill in fills) == pytest.approx(0.01)
    every = exchange.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", fromId=fills[0]["id"])
    assert [fill["id"] for fill in every] == sorted(fill["id"] for fill in every)
    change = sum(_e8(fill["realizedPnl"]) - _e8(fill["commission"]) for fill in every)
    after = exchange.ok("GET", "/fapi/v3/account")
    wallets = [_e8(reply["totalWalletBalance"]) for reply in (before, after)]
    assert wallets[1] - wallets[0] == change
    assert after["accountEpoch"] == before["accountEpoch"] == exchange.line["account_epoch"]
    assert exchange.ok("GET", "/fapi/v2/account")["accountEpoch"] == after["accountEpoch"]
    risk = exchange.ok("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")
    assert [row["positionAmt"] for row in risk] == ["0.006"]
    old = exchange.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")[0]
    assert (old["leverage"], old["isAutoAddMargin"], old["marginType"]) == ("20", "false", "cross")
    balance = exchange.ok("GET", "/fapi/v2/balance")[0]
    assert _e8(balance["balance"]) == wallets[1]
    booked = exchange.ok("GET", "/fapi/v1/income", symbol="BTCUSDT", startTime=fills[0]["time"])
    assert sum(_e8(row["income"]) for row in booked) == change
    two = exchange.refused("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", fromId=1, startTime=1)
    assert two == (400, -1128)


def test_a_reduce_only_order_is_cut_to_the_position(exchange: Simulator) -> None:
    exchange.order(**MARKET)
    closing = {**MARKET, "side": "SELL", "quantity": "0.050", "reduceOnly": "true"}
    closed = exchange.order(**closing, newOrderRespType="RESULT")
    assert closed["status"] == "FILLED"
    assert closed["executedQty"] == "0.010"
    assert exchange.refused("POST", ORDER, **closing) == (400, -2022)


def test_the_countdown_cancels_what_is_open(exchange: Simulator) -> None:
    exchange.order(**LIMIT)
    reply = exchange.ok("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=200)
    assert reply == {"symbol": "BTCUSDT", "countdownTime": "200"}
    assert len(exchange.ok("GET", "/fapi/v1/openOrders")) == 1
    eventually(lambda: exchange.ok("GET", "/fapi/v1/openOrders") == [])


def test_leverage_margin_type_and_tables(exchange: Simulator) -> None:
    changed = exchange.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=50)
    assert changed == {"leverage": 50, "maxNotionalValue": "12000000", "symbol": "BTCUSDT"}
    exchange.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=20)
    path = "/fapi/v1/leverage"
    assert exchange.refused("POST", path, symbol="BTCUSDT", leverage=151) == (400, -4028)
    kind = {"symbol": "BTCUSDT", "marginType": "CROSSED"}
    assert exchange.refused("POST", "/fapi/v1/marginType", **kind) == (400, -4046)
    rates = exchange.ok("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
    assert rates["takerCommissionRate"] == "0.000500"
    tiers = exchange.ok("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT")[0]["brackets"]
    assert tiers[1]["notionalFloor"] == tiers[0]["notionalCap"] == 300_000
    limits = exchange.ok("GET", "/fapi/v1/rateLimit/order")
    assert [row["limit"] for row in limits] == [300, 1200]


def test_market_data_has_the_venues_shapes_and_refusals(exchange: Simulator) -> None:
    info = exchange.get("/fapi/v1/exchangeInfo")
    tick = info["symbols"][0]["filters"][0]
    assert (tick["tickSize"], tick["minPrice"]) == ("0.10", "556.80")
    assert abs(exchange.get("/fapi/v1/time")["serverTime"] - wall_ms()) < 1_000
    book = exchange.get("/fapi/v1/depth?symbol=BTCUSDT&limit=20")
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    for query, code in (("limit=3", -4021), ("limit=1500", -1130), ("limit=x", -1102)):
        assert exchange.get("/fapi/v1/depth?symbol=BTCUSDT&" + query)["code"] == code
    assert exchange.get("/fapi/v1/depth")["code"] == -1102
    assert len(exchange.get("/fapi/v1/ticker/bookTicker")) == 2
    assert float(exchange.get("/fapi/v1/ticker/price?symbol=BTCUSDT")["price"]) > 50_000
    premium = exchange.get("/fapi/v1/premiumIndex?symbol=BTCUSDT")
    assert premium["nextFundingTime"] % (8 * 3_600_000) == 0


def test_the_listen_key_is_the_same_while_it_lives(exchange: Simulator) -> None:
    path = "/fapi/v1/listenKey"
    first = exchange.raw("POST", path).json()["listenKey"]
    assert len(first) == 64
    assert exchange.raw("POST", path).json()["listenKey"] == first
    assert exchange.raw("PUT", path).json()["listenKey"] == first
    assert exchange.raw("DELETE", path).json() == {}
    assert exchange.raw("PUT", path).json()["code"] == -1125
    assert exchange.raw("POST", path).json()["listenKey"] != first


def test_the_state_page_tells_of_this_run(exchange: Simulator) -> None:
    state = exchange.get("/sim/state")
    assert state["account_epoch"] == exchange.line["account_epoch"]
    assert state["market"]["kind"] == "synthetic"
    assert state["market"]["seed"] == 3
    assert state["counts"]["rest_requests"] > 0


def test_eth_order_ids_do_not_fit_a_double(exchange: Simulator) -> None:
    order = {**MARKET, "symbol": "ETHUSDT", "quantity": "0.1"}
    placed = exchange.order(**order)
    assert placed["orderId"] > 1 << 53
    found = exchange.ok("GET", ORDER, symbol="ETHUSDT", orderId=placed["orderId"])
    assert found["orderId"] == placed["orderId"]
    exchange.order(**{**order, "side": "SELL", "reduceOnly": "true"})


def _e8(text: str) -> int:
    return round(float(text) * 1e8)
