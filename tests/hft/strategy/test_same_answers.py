"""Compiled and plain are one source: same events in, same intents and state out, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.events import INTENT, MarketFlag, MarketKind, Status
from tests.hft.strategy.rig import Rig

PARAMS: dict[str, dict[str, object]] = {
    "PING_PONG": {"price_above": 59_990.0, "interval_ms": 300},
    "MOMENTUM": {"window": 4, "threshold": 0.0, "cooldown_ms": 200},
    "LIQUIDATION": {"price_threshold": 3.0, "volume_multiplier": 1.2, "cooldown_ms": 200},
}

trades = st.tuples(
    st.just("trade"),
    st.integers(-2000, 2000),
    st.integers(1, 50_000),
    st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 0, MarketFlag.GAP, MarketFlag.BUYER_IS_MAKER]),
    st.sampled_from([MarketKind.TRADE] * 8 + [MarketKind.BOOK_TOP, MarketKind.LIQUIDATION]),
    st.sampled_from([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]),
    st.integers(0, 1),
)
answers = st.tuples(
    st.just("answer"),
    st.sampled_from([Status.ACCEPTED, Status.FILLED, Status.FILLED, Status.REJECTED, Status.DENIED,
                     Status.UNKNOWN, Status.EXPIRED, Status.CANCELLED, Status.PARTIALLY_FILLED]),
)  # fmt: skip
words = st.tuples(st.just("position"), st.integers(-50, 50), st.integers(0, 1))
steps = st.lists(st.one_of(trades, trades, trades, answers, words), max_size=80)


def play(rig: Rig, script: list[Any]) -> tuple[Any, ...]:
    """Run a script; whatever is in flight gets its answers from it."""
    waiting: list[Any] = []
    written: list[Any] = []

    def note(intents: list[Any]) -> None:
        waiting.extend(intents)
        written.extend(intents)

    for step in script:
        if step[0] == "trade":
            _, move, lots, flags, kind, seq_step, symbol = step
            rig.market_seq += seq_step - 1
            price = 60_000 + move / 10
            note(rig.trade(price, lots / 1000, after_s=0.09, flags=flags, kind=kind, symbol=symbol))
        elif step[0] == "position":
            rig.position_lots = step[1]
            note(
                rig.report(
                    Status.POSITION, position_lots=step[1], entry_e8=6 * 10**12, symbol=step[2]
                )
            )
        elif waiting:
            intent, status = waiting[0], step[1]
            if status in (Status.FILLED, Status.PARTIALLY_FILLED):
                note(rig.fill(intent, 60_000.0, None if status == Status.FILLED else 1))
            else:
                note(rig.report(status, intent))
            if status not in (Status.ACCEPTED, Status.UNKNOWN, Status.PARTIALLY_FILLED):
                waiting.pop(0)
    intents = np.zeros(len(written), INTENT)
    for index, intent in enumerate(written):
        intents[index] = intent
    intents["decide_ns"] = 0  # A clock reading: the one thing that may differ.
    desk = rig.desk
    records = (intents, desk.state, desk.positions, desk.orders, desk.verdict)
    return (*(record.tobytes() for record in records), rig.house.state.read_bytes())


@pytest.mark.parametrize("name", sorted(PARAMS))
@settings(max_examples=25, deadline=None)
@given(script=steps)
def test_compiled_and_plain_decide_alike(name, script):
    rigs = [
        Rig(name, plain=plain, symbols=("BTCUSDT", "ETHUSDT"), warm=True, **PARAMS[name])
        for plain in (False, True)
    ]
    compiled, plain = (play(rig, script) for rig in rigs)
    assert compiled == plain


def test_the_scripts_of_this_test_make_every_strategy_trade():
    random = np.random.default_rng(7)
    for name, params in PARAMS.items():
        script = [
            ("trade", int(random.integers(-2000, 2000)), int(random.integers(1, 50_000)), 0,
             MarketKind.TRADE, 1, 0) if step % 3 else ("answer", Status.FILLED)
            for step in range(300)
        ]  # fmt: skip
        outcomes = []
        for plain in (False, True):
            rig = Rig(name, plain=plain, **params)
            outcomes.append(play(rig, script))
        assert outcomes[0] == outcomes[1]
        assert int(rig.told["intents"]) > 5
