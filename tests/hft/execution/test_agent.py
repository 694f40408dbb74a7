"""Execution against the simulator over real sockets."""

from __future__ import annotations

import math

import pytest

from hft.config import Keys
from hft.errors import AuthError, BootError
from hft.events import Action, Denial, IntentFlag, OrderType, Role, Side, Status, TimeInForce

from .rig import Rig


def test_orders_become_fills_and_the_books_equal_the_venues_to_the_last_unit(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    sides = [Side.BUY, Side.BUY, Side.SELL, Side.SELL, Side.SELL, Side.BUY]
    for side, qty in zip(sides, (0.01, 0.021, 0.013, 0.03, 0.007, 0.004), strict=True):
        seq = rig.push(side=side, qty=qty)
        rig.until(lambda seq=seq: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    rig.until(lambda: int(rig.account()["fills"]) == len(rig.fills_told()), "told")
    rig.agrees_with_venue()
    report = rig.fills_told()[-1]
    hops = [int(hop) for hop in report["hops"]]
    assert hops[:7] == sorted(hops[:7])
    assert hops[8] > hops[6] > 0
    assert report["order_ref"] == 1000 + rig.seq
    assert int(rig.account()["order_rtt_ns"]) > 0


def test_a_wrong_key_is_auth_error(rig: Rig) -> None:
    rig.keys = Keys("x" * 64, "y" * 64)
    with pytest.raises(AuthError, match="AUTH_ERROR"):
        rig.start()


def test_a_secret_of_another_key_is_auth_error_too(rig: Rig) -> None:
    rig.keys = Keys(rig.keys.api_key, "y" * 64)
    with pytest.raises(AuthError, match="AUTH_ERROR"):
        rig.start()


def test_a_venue_that_is_not_there_is_a_boot_error(lone_rig: Rig) -> None:
    rig = lone_rig
    rig.venue.process.kill()
    rig.venue.process.wait()
    with pytest.raises(BootError, match="cannot be reached"):
        rig.start()


def test_a_limit_order_rests_and_a_cancel_takes_it_away(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    assert len(rig.venue.rest.open_orders("BTCUSDT")) == 1
    rig.until(lambda: int(rig.account()["open_orders"]) == 1, "shown")
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED", "CANCELLED"], "cancelled")
    assert rig.venue.rest.open_orders("BTCUSDT") == []


def test_the_venues_rejection_is_told_with_its_code(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    _, ask = rig.venue.touch()
    seq = rig.push(
        order_type=OrderType.LIMIT, price=round(ask * 1.01, 1), tif=TimeInForce.GTX, qty=0.02
    )
    rig.until(lambda: rig.statuses(seq) == ["REJECTED"], "rejected")
    assert [int(row["venue_code"]) for row in rig.reports if row["intent_seq"] == seq] == [-5022]
    rig.until(lambda: int(rig.account()["last_reject_code"]) == -5022, "shown")


def test_an_ioc_remainder_expires(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(
        order_type=OrderType.LIMIT, price=round(bid * 0.99, 1), tif=TimeInForce.IOC, qty=0.02
    )
    rig.until(lambda: rig.statuses(seq)[-1:] == ["EXPIRED"], "expired")


def test_the_gate_denies_and_the_venue_never_hears_of_it(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    cases = [
        ({"qty": 0.0}, Denial.QUANTITY_NOT_POSITIVE),
        ({"qty": 2.0}, Denial.ORDER_SIZE_ABOVE_LIMIT),
        ({"decide_ns": 1}, Denial.INTENT_EXPIRED),
        ({"symbol": 9}, Denial.UNKNOWN_SYMBOL),
        ({"action": Action.AMEND, "target_ref": 42}, Denial.UNKNOWN_ORDER),
        ({"action": Action.CANCEL, "target_ref": 42}, Denial.UNKNOWN_ORDER),
        ({"qty": math.inf}, Denial.MALFORMED),
        ({"qty": 1e300}, Denial.QUANTITY_ABOVE_FILTER),
    ]
    wanted_lots = {0.01: 10, 2.0: 2000}
    for changes, denial in cases:
        seq = rig.push(**changes)
        rig.until(lambda seq=seq: bool(rig.statuses(seq)), "told")
        row = rig.reports[-1]
        assert (row["status"], row["reason"]) == (Status.DENIED, denial)
        qty = changes.get("qty", 0.01 if "symbol" not in changes else 0.0)
        assert row["qty_lots"] == wanted_lots.get(qty, 0), "what was wanted is told"
    assert rig.venue.fills() == []
    assert int(rig.account()["orders_sent"]) == 0


def test_a_halt_stops_orders_and_cancels_those_that_rest(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    latch = rig.house.latch_supervisor[0]
    latch["halt_ns"] = latch["resume_ns"] + 1
    denied = rig.push()
    rig.until(lambda: rig.statuses(denied) == ["DENIED"], "denied")
    told = next(row for row in rig.reports if int(row["intent_seq"]) == denied)
    assert told["reason"] == Denial.TRADING_HALTED
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
    assert rig.venue.rest.open_orders("BTCUSDT") == []


def test_cancel_all_takes_every_resting_order_away(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    resting = [
        rig.push(order_type=OrderType.LIMIT, price=round(bid * share, 1), qty=0.02)
        for share in (0.96, 0.97, 0.98)
    ]
    rig.until(lambda: all(rig.statuses(seq) == ["ACCEPTED"] for seq in resting), "resting")
    rig.push(action=Action.CANCEL_ALL)
    rig.until(lambda: all(rig.statuses(seq)[-1] == "CANCELLED" for seq in resting), "cancelled")


def test_a_reduce_only_order_is_cut_to_the_position(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    seq = rig.push(qty=0.01)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    closing = rig.push(side=Side.SELL, qty=0.05, flags=IntentFlag.REDUCE_ONLY)
    rig.until(lambda: rig.statuses(closing)[-1:] == ["FILLED"], "filled")
    assert int(rig.position()["position_lots"]) == 0
    rig.until(lambda: int(rig.account()["open_orders"]) == 0, "nothing open")
    rig.agrees_with_venue()


def test_a_trade_by_hand_changes_the_position_and_is_told_as_nobodys(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.trade("BUY", "0.015")
    rig.until(lambda: int(rig.position()["position_lots"]) == 15, "seen")
    assert int(rig.fills_told()[-1]["intent_seq"]) == 0
    rig.agrees_with_venue()


def test_draining_cancels_what_is_open_and_keeps_the_position(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    filled = rig.push()
    resting = [
        rig.push(order_type=OrderType.LIMIT, price=round(bid * share, 1), qty=0.02)
        for share in (0.97, 0.98)
    ]
    rig.until(lambda: all(rig.statuses(seq)[-1:] == ["ACCEPTED"] for seq in resting), "resting")
    rig.until(lambda: rig.statuses(filled)[-1:] == ["FILLED"], "filled")
    assert rig.drain()
    assert [rig.statuses(seq)[-1] for seq in resting] == ["CANCELLED", "CANCELLED"]
    assert rig.venue.rest.open_orders("BTCUSDT") == []
    assert int(rig.position()["position_lots"]) == 10
    assert any("position kept" in line for line in rig.lines)


def test_when_the_strategy_dies_its_orders_are_cancelled(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    rig.house.orders_to[Role.STRATEGY]["died_ns"] = 1
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
