"""LIQUIDATION, rule by rule, with hand-made ticks: 50 trades make a window, 5 a burst."""

from __future__ import annotations

import pytest

from hft.events import IntentFlag, MarketKind, Side, Verdict
from tests.hft.strategy.rig import Rig, side_and_qty

FLAT = 60_000.0


def rig_with_full_window(qty: float = 1.0, **params: object) -> Rig:
    rig = Rig("LIQUIDATION", **params)
    for _ in range(50):
        assert rig.trade(FLAT, qty) == []
    return rig


def test_it_needs_the_whole_window_first():
    rig = Rig("LIQUIDATION", price_threshold=0.5, volume_multiplier=0.0)
    for count in range(1, 50):
        assert rig.trade(FLAT + count) == []
        assert rig.said() == Verdict.WARMING_UP
        assert rig.told["distance"] == count
    assert len(rig.trade(FLAT + 50)) == 1


def test_a_move_with_a_burst_enters_with_the_move():
    for move, side in ((11.0, Side.BUY), (-11.0, Side.SELL)):
        rig = rig_with_full_window()
        (intent,) = rig.trade(FLAT + move, 10.0)
        assert side_and_qty([intent]) == [(side, 0.01)]
        assert intent["flags"] == 0
        assert rig.said() == Verdict.ENTER


def test_burst_and_average_are_as_stated():
    rig = rig_with_full_window()
    rig.trade(FLAT, 3.0)
    rig.trade(FLAT, 0.5)
    burst, average = rig.told["detail"][:2]
    assert burst == 3.0 + 0.5 + 3 * 1.0
    assert average == (48 * 1.0 + 3.5) / 50


def test_a_move_of_exactly_the_threshold_is_not_beyond_it():
    rig = rig_with_full_window()
    assert rig.trade(FLAT + 10.0, 10.0) == []
    assert rig.said() == Verdict.NO_SIGNAL


def test_a_burst_of_exactly_the_multiple_is_not_more_than_it():
    # The last five hold 5, the mean is 1: the multiplier is 5 when nothing is unusual.
    rig = rig_with_full_window(volume_multiplier=5.0)
    assert rig.trade(FLAT + 11, 1.0) == []
    assert rig.said() == Verdict.NO_SIGNAL
    assert len(rig.trade(FLAT + 11, 1.1)) == 1


def test_what_is_told_as_the_distance_is_what_still_holds_it_back():
    for move, way in ((11.0, 1.0), (-11.0, -1.0)):
        rig = rig_with_full_window(volume_multiplier=6.0)
        rig.trade(FLAT + move / 2)
        assert (rig.told["distance"], rig.told["needed"]) == (move / 2, way * 10.0)
        rig.trade(FLAT + move)
        assert (rig.told["distance"], rig.told["needed"]) == (way * 5.0, way * 6.0)


def test_volume_without_a_move_does_nothing():
    rig = rig_with_full_window()
    assert rig.trade(FLAT + 1, 1000.0) == []
    assert rig.said() == Verdict.NO_SIGNAL


def test_it_leaves_when_the_last_five_are_no_larger_than_usual():
    rig = rig_with_full_window()
    (intent,) = rig.trade(FLAT + 11, 10.0)
    rig.fill(intent, FLAT + 11)
    for _ in range(4):
        assert rig.trade(FLAT + 11, 1.0, after_s=1) == []
        assert rig.said() == Verdict.HOLDING
    (intent,) = rig.trade(FLAT + 11, 1.0)
    assert side_and_qty([intent]) == [(Side.SELL, 0.01)]
    assert intent["flags"] == IntentFlag.REDUCE_ONLY
    assert rig.said() == Verdict.EXIT


@pytest.mark.parametrize("qty", [0.1, 0.003, 1.0, 7.7])
def test_a_perfectly_even_market_is_usual_whatever_the_quantity(qty):
    # Summed as floats, fifty times 0.1 is less than five, and the exit would never come.
    rig = rig_with_full_window(qty)
    rig.hold(-25)
    assert side_and_qty(rig.trade(FLAT, qty)) == [(Side.BUY, 0.025)]


def test_one_second_lies_between_two_signals():
    rig = rig_with_full_window()
    (intent,) = rig.trade(FLAT + 11, 10.0)
    rig.fill(intent, FLAT + 11)
    for _ in range(5):
        assert rig.trade(FLAT + 11, 0.1, after_s=0.1) == []
        assert rig.said() == Verdict.COOLING_DOWN
    assert len(rig.trade(FLAT + 11, 0.1, after_s=0.5)) == 1


def test_nothing_happens_while_an_order_is_in_flight():
    rig = rig_with_full_window()
    assert len(rig.trade(FLAT + 11, 10.0)) == 1
    assert rig.trade(FLAT + 30, 50.0, after_s=5) == []
    assert rig.said() == Verdict.IN_FLIGHT


@pytest.mark.parametrize("answer", ["reject", "deny"])
def test_a_refused_entry_leaves_it_flat_and_it_tries_again_after_the_cooldown(answer):
    rig = rig_with_full_window()
    (intent,) = rig.trade(FLAT + 11, 10.0)
    getattr(rig, answer)(intent)
    assert rig.position["qty"] == 0.0
    assert rig.trade(FLAT + 12, 10.0, after_s=0.9) == []
    assert side_and_qty(rig.trade(FLAT + 12, 10.0, after_s=0.1)) == [(Side.BUY, 0.01)]


def test_a_position_from_before_is_left_by_the_same_rule_and_never_added_to():
    rig = rig_with_full_window()
    rig.hold(37)
    assert rig.trade(FLAT + 500, 100.0) == []
    assert rig.said() == Verdict.HOLDING
    for _ in range(4):
        assert rig.trade(FLAT + 500, 1.0) == []
    assert side_and_qty(rig.trade(FLAT + 500, 1.0)) == [(Side.SELL, 0.037)]


def test_a_gap_empties_the_window_and_its_sums():
    rig = rig_with_full_window()
    rig.gap(FLAT)
    assert rig.said() == Verdict.GAP
    for _ in range(48):
        assert rig.trade(FLAT + 100, 2.0) == []
        assert rig.said() == Verdict.WARMING_UP
    rig.trade(FLAT, 2.0)
    burst, average = rig.told["detail"][:2]
    assert (burst, average) == (10.0, (49 * 2.0 + 1.0) / 50)


@pytest.mark.parametrize("kind", [k for k in MarketKind if k != MarketKind.TRADE])
def test_other_kinds_of_events_are_of_no_concern(kind):
    rig = rig_with_full_window()
    rig.event(kind=kind, price=FLAT + 100, qty=1000.0)
    assert rig.run() == []
    assert rig.desk.state[0]["total_e8"] == 50 * 10**8
