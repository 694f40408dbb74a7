"""Account settings, position modes and order terms, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hft.clock import wall_ms

from .wire import Simulator, running, until


@pytest.fixture
def fresh() -> Iterator[Simulator]:
    with running("--seed", "5") as simulator:
        yield simulator


def _risk(simulator: Simulator) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = simulator.ok("GET", "/fapi/v3/positionRisk")
    return rows


def test_hedge_mode_keeps_a_long_and_a_short_apart(fresh: Simulator) -> None:
    path = "/fapi/v1/positionSide/dual"
    assert fresh.ok("GET", path) == {"dualSidePosition": False}
    assert fresh.ok("POST", path, dualSidePosition="true") == {"code": 200, "msg": "success"}
    assert fresh.refused("POST", path, dualSidePosition="true") == (400, -4059)
    plain = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.010"}
    assert fresh.refused("POST", "/fapi/v1/order", side="BUY", **plain) == (400, -4061)
    # What a leg may be is asked before what a quantity may be, and of conditional orders too.
    fine = {**plain, "quantity": "0.0001"}
    assert fresh.refused("POST", "/fapi/v1/order", side="BUY", **fine) == (400, -4061)
    stop = {**plain, "algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": "70000"}
    assert fresh.refused("POST", "/fapi/v1/algoOrder", side="BUY", **stop) == (400, -4061)
    for side, leg in (("BUY", "LONG"), ("SELL", "SHORT")):
        reply = fresh.ok("POST", "/fapi/v1/order", side=side, positionSide=leg, **plain)
        assert reply["positionSide"] == leg
    assert [(row["positionSide"], row["positionAmt"]) for row in _risk(fresh)] == [
        ("LONG", "0.010"),
        ("SHORT", "-0.010"),
    ]
    more = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.011", "positionSide": "LONG"}
    assert fresh.refused("POST", "/fapi/v1/order", side="SELL", **more) == (400, -2022)
    more["reduceOnly"] = "true"
    assert fresh.refused("POST", "/fapi/v1/order", side="BUY", **more) == (400, -1106)
    assert fresh.refused("POST", path, dualSidePosition="false") == (400, -4068)
    for side, leg in (("SELL", "LONG"), ("BUY", "SHORT")):
        fresh.ok("POST", "/fapi/v1/order", side=side, positionSide=leg, **plain)
    assert _risk(fresh) == []
    fresh.ok("POST", path, dualSidePosition="false")


def test_isolated_margin_is_set_apart_added_to_and_taken_from(fresh: Simulator) -> None:
    path = "/fapi/v1/marginType"
    assert fresh.refused("POST", path, symbol="BTCUSDT", marginType="CROSSED") == (400, -4046)
    fresh.ok("POST", path, symbol="BTCUSDT", marginType="ISOLATED")
    with fresh.user_stream() as link:
        fresh.order(side="BUY", type="MARKET", quantity="0.010")
        event = until(link, lambda message: message["e"] == "ACCOUNT_UPDATE")["a"]
        (row,) = _risk(fresh)
        assert event["P"][0]["mt"] == "isolated"
        assert event["P"][0]["iw"] == row["isolatedWallet"]
        wallet = float(event["B"][0]["wb"])
        assert wallet - float(event["B"][0]["cw"]) == pytest.approx(float(row["isolatedWallet"]))
        assert float(row["liquidationPrice"]) > 0
        move = {"symbol": "BTCUSDT", "amount": "10.5"}
        assert fresh.ok("POST", "/fapi/v1/positionMargin", type=1, **move) == {
            "amount": 10.5,
            "code": 200,
            "msg": "Successfully modify position margin.",
            "type": 1,
        }
        event = until(link, lambda message: message["e"] == "ACCOUNT_UPDATE")["a"]
        assert event["m"] == "MARGIN_TRANSFER"
    assert float(_risk(fresh)[0]["isolatedWallet"]) == pytest.approx(
        float(row["isolatedWallet"]) + 10.5
    )
    move["amount"] = "100000"
    assert fresh.refused("POST", "/fapi/v1/positionMargin", type=1, **move) == (400, -4050)
    assert fresh.refused("POST", "/fapi/v1/positionMargin", type=2, **move) == (400, -4051)
    move["amount"] = "0"
    assert fresh.refused("POST", "/fapi/v1/positionMargin", type=2, **move) == (400, -4055)
    history = fresh.ok("GET", "/fapi/v1/positionMargin/history", symbol="BTCUSDT")
    assert [(entry["type"], entry["amount"]) for entry in history] == [(1, "10.50000000")]
    assert fresh.refused("POST", path, symbol="BTCUSDT", marginType="CROSSED") == (400, -4048)
    lower = {"symbol": "BTCUSDT", "leverage": 10}
    assert fresh.refused("POST", "/fapi/v1/leverage", **lower) == (400, -4161)


def test_multi_assets_mode_and_isolated_margin_exclude_each_other(fresh: Simulator) -> None:
    path = "/fapi/v1/multiAssetsMargin"
    assert fresh.ok("GET", path) == {"multiAssetsMargin": False}
    with fresh.user_stream() as link:
        fresh.ok("POST", path, multiAssetsMargin="true")
        event = until(link, lambda message: message["e"] == "ACCOUNT_CONFIG_UPDATE")
        assert event["ai"] == {"j": True}
    assert fresh.refused("POST", path, multiAssetsMargin="true") == (400, -4171)
    wish = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    assert fresh.refused("POST", "/fapi/v1/marginType", **wish) == (400, -4168)
    fresh.ok("POST", path, multiAssetsMargin="false")
    fresh.ok("POST", "/fapi/v1/marginType", **wish)
    assert fresh.refused("POST", path, multiAssetsMargin="true") == (400, -4167)


def test_configuration_replies_say_what_was_set(fresh: Simulator) -> None:
    fresh.ok("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage=7)
    (row,) = fresh.ok("GET", "/fapi/v1/symbolConfig", symbol="ETHUSDT")
    assert row["leverage"] == 7
    assert row["marginType"] == "CROSSED"
    assert fresh.ok("GET", "/fapi/v1/accountConfig")["dualSidePosition"] is False
    assert fresh.ok("GET", "/fapi/v1/feeBurn") == {"feeBurn": False}
    fresh.ok("POST", "/fapi/v1/feeBurn", feeBurn="true")
    assert fresh.ok("GET", "/fapi/v1/feeBurn") == {"feeBurn": True}
    assert fresh.ok("GET", "/fapi/v1/apiTradingStatus")["indicators"] == {}
    quantile = fresh.ok("GET", "/fapi/v1/adlQuantile", symbol="BTCUSDT")
    assert quantile == [{"symbol": "BTCUSDT", "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": 0}}]


def test_an_order_can_take_its_price_from_the_book(exchange: Simulator) -> None:
    wish = {"side": "BUY", "type": "LIMIT", "quantity": "0.010", "timeInForce": "GTC"}
    reply = exchange.order(priceMatch="QUEUE_5", **wish)
    assert reply["priceMatch"] == "QUEUE_5"
    assert 0 < float(reply["price"]) < exchange.touch()[1]
    row = exchange.ok("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=reply["orderId"])
    assert row["priceMatch"] == "QUEUE_5"
    wish["symbol"] = "BTCUSDT"
    both = {**wish, "priceMatch": "QUEUE", "price": "50000"}
    assert exchange.refused("POST", "/fapi/v1/order", **both) == (400, -1106)
    assert exchange.refused("POST", "/fapi/v1/order", priceMatch="NEAR", **wish) == (400, -5037)
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
    assert exchange.refused("POST", "/fapi/v1/order", priceMatch="QUEUE", **market) == (400, -5038)


def test_a_good_till_date_is_kept_to_the_second_and_must_lie_ten_minutes_ahead(
    exchange: Simulator,
) -> None:
    bid, _ = exchange.touch()
    wish = {
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.010",
        "price": f"{bid * 0.98:.1f}",
        "timeInForce": "GTD",
    }
    till_ms = wall_ms() + 700_000
    reply = exchange.order(goodTillDate=till_ms, **wish)
    assert reply["goodTillDate"] == till_ms // 1_000 * 1_000
    wish["symbol"] = "BTCUSDT"
    assert exchange.refused("POST", "/fapi/v1/order", **wish) == (400, -1102)
    soon = {**wish, "goodTillDate": wall_ms() + 500_000}
    assert exchange.refused("POST", "/fapi/v1/order", **soon) == (400, -5040)
    wrong = {**wish, "goodTillDate": till_ms, "timeInForce": "GTC"}
    assert exchange.refused("POST", "/fapi/v1/order", **wrong) == (400, -1106)


def test_a_test_order_is_checked_and_not_placed(exchange: Simulator) -> None:
    wish = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    path = "/fapi/v1/order/test"
    assert exchange.ok("POST", path, quantity="0.010", **wish)["status"] == "NEW"
    assert exchange.refused("POST", path, quantity="100", **wish) == (400, -2019)
    assert exchange.ok("GET", "/fapi/v1/openOrders") == []
    assert exchange.ok("GET", "/fapi/v3/positionRisk") == []


def test_income_tells_commission_and_profit_in_order_of_time(fresh: Simulator) -> None:
    for side in ("BUY", "SELL"):
        fresh.order(side=side, type="MARKET", quantity="0.010")
    rows = fresh.ok("GET", "/fapi/v1/income")
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert {row["incomeType"] for row in rows} <= {"COMMISSION", "REALIZED_PNL"}
    assert len({row["tranId"] for row in rows}) == len(rows)
    fees = fresh.ok("GET", "/fapi/v1/income", incomeType="COMMISSION")
    trades = fresh.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    paid = [float(row["income"]) for row in fees]
    assert paid == [-float(trade["commission"]) for trade in trades]
    assert fresh.refused("GET", "/fapi/v1/income", limit=1001) == (400, -1130)
    assert json.dumps(rows)


def test_a_span_of_more_than_seven_days_is_refused(exchange: Simulator) -> None:
    span = {"symbol": "BTCUSDT", "startTime": 1, "endTime": 8 * 86_400_000}
    for path in ("/fapi/v1/userTrades", "/fapi/v1/allOrders"):
        assert exchange.refused("GET", path, **span) == (400, -1127)
