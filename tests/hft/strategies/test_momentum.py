"""MOMENTUM, rule by rule, with hand-made ticks.

At 60,000 with a taker fee of 0.05 % both ways cost 60; with a threshold of 2 a move must pass 62.
"""

from __future__ import annotations

import pytest

from hft.events import IntentFlag, MarketFlag, MarketKind, Side, Verdict
from tests.hft.strategy.rig import Rig, side_and_qty

FLAT = 60_000.0


def rig_with_full_window(**params: object) -> Rig:
    rig = Rig("MOMENTUM", window=5, **params)
    for _ in range(5):
        assert rig.trade(FLAT) == []
    return rig


def bought(rig: Rig) -> None:
    (intent,) = rig.trade(FLAT + 70)
    rig.fill(intent, FLAT + 70)


def test_it_needs_the_whole_window_first():
    rig = Rig("MOMENTUM", window=5)
    for count in range(1, 5):
        assert rig.trade(FLAT + 1000 * count) == []
        assert rig.said() == Verdict.WARMING_UP
        assert (rig.told["distance"], rig.told["needed"]) == (count, 5)
    assert side_and_qty(rig.trade(FLAT + 5000)) == [(Side.BUY, 0.01)]


def test_velocity_is_the_newest_price_minus_the_oldest_of_the_window():
    rig = Rig("MOMENTUM", window=3)
    for price in (FLAT + 50, FLAT, FLAT + 30):
        rig.trade(price)
    rig.trade(FLAT + 40)
    assert rig.told["distance"] == 40.0


def test_a_move_beyond_threshold_and_fees_of_both_ways_buys():
    rig = rig_with_full_window()
    price = 60_062.5
    fees = price * 2 * 0.0005
    assert 2.0 + fees < 62.5
    (intent,) = rig.trade(price)
    assert side_and_qty([intent]) == [(Side.BUY, 0.01)]
    assert intent["flags"] == 0
    assert rig.said() == Verdict.ENTER
    assert rig.told["needed"] == pytest.approx(2.0 + fees)
    assert rig.told["detail"][1] == pytest.approx(fees)


def test_a_move_down_beyond_the_threshold_sells():
    rig = rig_with_full_window()
    assert side_and_qty(rig.trade(FLAT - 70)) == [(Side.SELL, 0.01)]


def test_a_move_that_does_not_pay_the_fees_is_named_and_left():
    rig = rig_with_full_window()
    assert rig.trade(FLAT + 61) == []
    assert rig.said() == Verdict.EDGE_BELOW_FEES


def test_a_small_move_is_no_signal():
    rig = rig_with_full_window()
    assert rig.trade(FLAT + 1) == []
    assert rig.said() == Verdict.NO_SIGNAL


def test_nothing_happens_while_an_order_is_in_flight():
    rig = rig_with_full_window()
    assert len(rig.trade(FLAT + 70)) == 1
    assert rig.trade(FLAT + 200, after_s=5) == []
    assert rig.said() == Verdict.IN_FLIGHT


def test_a_long_leaves_when_velocity_is_below_zero_with_the_size_of_the_position():
    rig = rig_with_full_window(qty=0.02)
    bought(rig)
    assert rig.trade(FLAT + 60, after_s=2) == []
    assert rig.said() == Verdict.HOLDING
    (intent,) = rig.trade(FLAT - 1)
    assert side_and_qty([intent]) == [(Side.SELL, 0.02)]
    assert intent["flags"] == IntentFlag.REDUCE_ONLY
    assert rig.said() == Verdict.EXIT


def test_a_short_leaves_when_velocity_is_above_zero():
    rig = rig_with_full_window()
    (intent,) = rig.trade(FLAT - 70)
    rig.fill(intent, FLAT - 70)
    assert rig.trade(FLAT - 80, after_s=2) == []
    assert side_and_qty(rig.trade(FLAT + 1)) == [(Side.BUY, 0.01)]


def test_a_velocity_of_zero_leaves_neither_way():
    for lots in (10, -10):
        rig = rig_with_full_window()
        rig.hold(lots)
        assert rig.trade(FLAT) == []
        assert rig.said() == Verdict.HOLDING


def test_one_second_lies_between_two_signals():
    rig = rig_with_full_window()
    bought(rig)
    assert rig.trade(FLAT - 500, after_s=0.5) == []
    assert rig.said() == Verdict.COOLING_DOWN
    assert rig.trade(FLAT - 500, after_s=0.499) == []
    assert len(rig.trade(FLAT - 500, after_s=0.001)) == 1


@pytest.mark.parametrize("answer", ["reject", "deny"])
def test_a_refused_entry_leaves_it_flat_and_it_tries_again_after_the_cooldown(answer):
    rig = rig_with_full_window()
    (intent,) = rig.trade(FLAT + 70)
    getattr(rig, answer)(intent)
    assert rig.position["qty"] == 0.0
    assert rig.trade(FLAT + 75, after_s=0.5) == []
    assert rig.said() == Verdict.COOLING_DOWN
    assert side_and_qty(rig.trade(FLAT + 80, after_s=0.5)) == [(Side.BUY, 0.01)]


def test_a_position_from_before_is_left_by_the_same_rule_and_never_added_to():
    rig = rig_with_full_window()
    rig.hold(37)
    assert rig.trade(FLAT + 500) == []
    assert side_and_qty(rig.trade(FLAT - 1)) == [(Side.SELL, 0.037)]


def test_a_gap_empties_the_window():
    rig = rig_with_full_window()
    assert rig.gap(FLAT + 500) == []
    assert rig.said() == Verdict.GAP
    for _ in range(3):
        assert rig.trade(FLAT + 500) == []
    assert len(rig.trade(FLAT + 1000)) == 1
    assert rig.told["distance"] == 500.0


def test_a_gap_on_another_kind_of_event_empties_the_window_too():
    rig = rig_with_full_window()
    rig.event(kind=MarketKind.BOOK_TOP, price=1.0, flags=MarketFlag.GAP)
    assert rig.trade(FLAT + 500) == []
    assert rig.said() == Verdict.WARMING_UP


@pytest.mark.parametrize("kind", [k for k in MarketKind if k != MarketKind.TRADE])
def test_other_kinds_of_events_are_of_no_concern(kind):
    rig = rig_with_full_window()
    before = rig.said()
    rig.event(kind=kind, price=FLAT * 2, qty=5.0)
    assert rig.run() == []
    assert rig.said() == before
    assert rig.desk.state[0]["count"] == 5


def test_another_window_starts_anew():
    rig = rig_with_full_window()
    rig.desk.params["window"] = 7
    rig.trade(FLAT)
    assert (rig.told["distance"], rig.told["needed"]) == (1, 7)
