"""PING_PONG, rule by rule, with hand-made ticks."""

from __future__ import annotations

import pytest

from hft.events import MarketKind, Side, Status, Verdict
from tests.hft.strategy.rig import Rig, side_and_qty

PRICE = 60_000.0


def test_it_alternates_buy_and_sell_with_its_quantity():
    rig = Rig("PING_PONG", interval_ms=1000, qty=0.02)
    sides = []
    for _ in range(4):
        (intent,) = rig.trade(PRICE, after_s=1)
        sides += side_and_qty([intent])
        rig.fill(intent, PRICE)
    assert sides == [(Side.BUY, 0.02), (Side.SELL, 0.02)] * 2


def test_the_first_trade_above_the_price_orders_at_once():
    rig = Rig("PING_PONG")
    assert side_and_qty(rig.trade(PRICE)) == [(Side.BUY, 0.01)]
    assert rig.said() == Verdict.ENTER


@pytest.mark.parametrize("price", [50_000.0, 49_999.9])
def test_at_or_below_the_price_gate_it_waits(price):
    rig = Rig("PING_PONG")
    assert rig.trade(price) == []
    assert rig.said() == Verdict.PRICE_GATE
    assert len(rig.trade(50_000.1)) == 1


def test_at_least_ten_seconds_lie_between_two_orders():
    rig = Rig("PING_PONG")
    (intent,) = rig.trade(PRICE)
    rig.fill(intent, PRICE)
    assert rig.trade(PRICE, after_s=9.999) == []
    assert rig.said() == Verdict.COOLING_DOWN
    assert len(rig.trade(PRICE, after_s=0.001)) == 1


def test_nothing_happens_while_an_order_is_in_flight():
    rig = Rig("PING_PONG")
    rig.trade(PRICE)
    assert rig.trade(PRICE, after_s=60) == []
    assert rig.said() == Verdict.IN_FLIGHT


@pytest.mark.parametrize("answer", ["reject", "deny"])
def test_a_refused_order_is_tried_again_on_the_same_side_after_the_interval(answer):
    rig = Rig("PING_PONG")
    (intent,) = rig.trade(PRICE)
    getattr(rig, answer)(intent)
    assert rig.trade(PRICE, after_s=9) == []
    assert side_and_qty(rig.trade(PRICE, after_s=1)) == [(Side.BUY, 0.01)]


def test_an_order_that_expired_unfilled_does_not_change_sides():
    rig = Rig("PING_PONG")
    (intent,) = rig.trade(PRICE)
    rig.report(Status.EXPIRED, intent)
    assert side_and_qty(rig.trade(PRICE, after_s=10)) == [(Side.BUY, 0.01)]


def test_an_order_that_expired_partly_filled_changes_sides():
    rig = Rig("PING_PONG")
    (intent,) = rig.trade(PRICE)
    rig.fill(intent, PRICE, lots=4)
    assert rig.trade(PRICE, after_s=10) == []
    rig.report(Status.EXPIRED, intent, cum_qty_lots=4)
    assert side_and_qty(rig.trade(PRICE, after_s=1)) == [(Side.SELL, 0.01)]


def test_a_fill_that_is_not_ours_changes_nothing():
    rig = Rig("PING_PONG", interval_ms=1000)
    rig.report(Status.FILLED, side=Side.BUY, last_qty_lots=5, cum_qty_lots=5, position_lots=5)
    assert rig.position["qty"] == 0.005
    assert side_and_qty(rig.trade(PRICE)) == [(Side.BUY, 0.01)]


def test_a_position_from_before_does_not_matter():
    rig = Rig("PING_PONG")
    rig.hold(500)
    assert side_and_qty(rig.trade(PRICE)) == [(Side.BUY, 0.01)]


@pytest.mark.parametrize("kind", [k for k in MarketKind if k != MarketKind.TRADE])
def test_other_kinds_of_events_are_of_no_concern(kind):
    rig = Rig("PING_PONG")
    rig.event(kind=kind, price=PRICE)
    assert rig.run() == []
    assert rig.said() == Verdict.NONE
