"""Every code has a sentence, and the strategies' own words fit their verdicts."""

from __future__ import annotations

import pytest

from hft.events import LatchReason, Unfit, Verdict
from hft.strategy import explain
from hft.strategy.figure import Figure
from tests.hft.strategy.rig import Rig, house_spec


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (Verdict, explain.VERDICTS),
        (Unfit, explain.UNFIT),
        (LatchReason, explain.LATCHES),
    ],
)
def test_every_code_has_its_own_sentence(codes, table):
    assert list(table) == list(codes)
    assert all(table.values())


def test_a_code_of_a_newer_build_is_still_shown():
    assert explain.explain_unfit(99) == "unfit 99"
    assert explain.explain_latch(99) == "latch reason 99"
    assert explain.explain_verdict({"verdict": 99}) == "verdict 99"


def test_momentum_says_what_is_missing_with_the_fee_part():
    rig = Rig("MOMENTUM", window=3, threshold=1.0)
    for price in (50_000.0, 50_000.0, 50_003.1):
        rig.trade(price)
    spec = house_spec("MOMENTUM")
    assert explain.explain_verdict(rig.told, spec) == (
        "waiting: velocity +3.1 does not pay the fees, +51.0 needed: base 1.0 + fees 50.0"
    )
    rig.trade(50_000.5)
    assert explain.explain_verdict(rig.told, spec) == (
        "waiting: velocity +0.5 of +51.0 needed: base 1.0 + fees 50.0"
    )


def test_an_order_is_told_as_a_wish_since_the_gate_may_deny_it():
    rig = Rig("MOMENTUM", window=3, threshold=1.0)
    for price in (50_000.0, 50_000.0, 50_060.0):
        intents = rig.trade(price)
    spec = house_spec("MOMENTUM")
    assert explain.explain_verdict(rig.told, spec) == (
        "wants to enter: velocity +60.0 beyond +51.1: base 1.0 + fees 50.1"
    )
    rig.fill(intents[0], 50_060.0)
    rig.trade(50_059.8, after_s=2.0)
    rig.trade(50_059.6)
    assert explain.explain_verdict(rig.told, spec) == (
        "wants to close long 0.01: velocity turned to -0.4"
    )


@pytest.mark.parametrize(
    ("value", "words"), [(0.01, "long 0.01"), (-2.5, "short 2.5"), (0.0, "flat")]
)
def test_a_figure_can_be_told_as_a_position(value, words):
    assert f"{Figure(value):held}" == words
    assert f"{Figure(value):+.1f}" == f"{value:+.1f}"


def test_liquidation_says_velocity_and_volumes():
    rig = Rig("LIQUIDATION")
    for _ in range(50):
        rig.trade(50_000.0, 0.02)
    assert explain.explain_verdict(rig.told, house_spec("LIQUIDATION")) == (
        "waiting: velocity +0.0 of +10.0 needed, "
        "volume 5.0 of 3.0 averages (last 5: 0.100, mean 0.0200)"
    )


def test_without_words_of_its_own_the_house_speaks():
    told = {"verdict": Verdict.WARMING_UP, "distance": 3.0, "needed": 50.0, "detail": []}
    assert explain.explain_verdict(told) == "warming up: 3 of 50"
