"""The compiled gate and a slow model of it say the same about everything."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.events import Action, Denial, IntentFlag, OrderState, OrderType, Side, TradingState
from hft.state.decision import Intent, Limits
from hft.units import E8

from . import rig
from .model import ruling_of

MARK_TICKS = 600_000
CASES = 20


class Case:
    """One intent with limits and facts, each thing mostly usual and sometimes not."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.intent, self.risk, self.facts = self._intent(), self._limits(), self._facts()
        if self.intent.action == Action.AMEND:
            self._aim()

    def either(self, *usual: Any) -> Any:
        return self.dice.choice(usual)

    def mostly(self, usual: Any, *others: Any) -> Any:
        """The usual value, but one time in ten."""
        return usual if self.dice.random() < 0.9 else self.dice.choice(others)

    def upto(self, most: int, share: float = 0.5) -> int:
        """Nothing, or something up to `most`."""
        return self.dice.randint(0, most) if self.dice.random() < share else 0

    def price(self, away: int) -> float:
        return (MARK_TICKS + self.dice.randint(-away, away)) / 10

    def _intent(self) -> Intent:
        closes_on_mark = IntentFlag.CLOSE_POSITION | IntentFlag.ON_MARK
        return rig.GOOD._replace(
            seq=self.mostly(5, 4),
            decide_ns=rig.NOW_NS - self.mostly(1_000, 500_000_001),
            action=self.either(*[Action.PLACE] * 6, *Action),
            side=self.either(*Side),
            order_type=self.either(*OrderType),
            tif=self.mostly(self.dice.randint(1, 4), 9),
            price=self.mostly(self.price(self.either(200, 40_000)), 0.0, 12.5, 600.0, -1.0),
            qty=self.mostly(self.dice.randint(1, 130) / 1000, 0.0, 0.0305, 0.0005, 500.0, 1500.0),
            symbol=self.mostly(0, 1),
            flags=self.either(*[0] * 6, *IntentFlag, closes_on_mark),
        )

    def _limits(self) -> Limits:
        return Limits(
            max_loss_e8=self.mostly(0, 10 * E8),
            target_profit_e8=self.mostly(0, 10 * E8),
            max_position_e8=self.either(E8, E8 // 2),
            max_order_size_e8=self.mostly(10**15, E8 // 10),
            max_orders_per_s=self.mostly(10, 3),
            intent_expiry_ns=500_000_000,
            feed_stale_ns=self.mostly(10**10, 1_000),
            max_daily_loss_e8=self.mostly(0, 10 * E8),
            max_drawdown_e8=self.mostly(0, 10 * E8),
            max_notional_e8=self.mostly(0, 30_000 * E8),
            max_leverage_e2=self.mostly(0, 300, 15_000),
            collar_e8=self.either(0, 5_000_000, 1_000_000),
            max_cancels_per_s=self.either(0, 5),
            max_open_orders=self.mostly(0, 5),
            account_stale_ns=self.mostly(0, 10**10, 1_000),
            clock_error_max_ns=self.mostly(0, 10**9),
        )

    def _facts(self) -> dict[str, Any]:
        mark = MARK_TICKS / 10
        active, reducing, halted = TradingState
        return {
            **rig.FACTS,
            "trading_state": self.mostly(self.mostly(active, reducing), reducing, halted),
            "bid": self.mostly(mark, mark - 70, 0.0),
            "ask": self.mostly(mark + 0.1, mark + 2_000, 0.0),
            "last": self.mostly(mark, mark + 10, 0.0),
            "mark": self.mostly(mark, mark - 10, 0.0),
            "newest_ns": self.mostly(rig.NOW_NS - 2_000, 0),
            "position_lots": self.either(0, 5, -5, self.dice.randint(-1_100, 1_100)),
            "leverage": self.either(0, 1, 20),
            "open_buy_lots": self.upto(900),
            "open_sell_lots": self.upto(900),
            "reducing_buy_lots": self.upto(900),
            "reducing_sell_lots": self.upto(900),
            "bids_e8": self.upto(70_000 * E8),
            "asks_e8": self.upto(70_000 * E8),
            "others_e8": self.upto(1_000 * E8),
            "equity_e8": self.dice.randint(-10 * E8, 50_000 * E8),
            "free_e8": self.mostly(10**15, self.dice.randint(-10 * E8, 400 * E8)),
            "pnl_e8": self.dice.randint(-12, 12) * E8,
            "peak_pnl_e8": self.dice.randint(0, 12) * E8,
            "day_pnl_e8": self.dice.randint(-12, 12) * E8,
            "checked_ns": self.mostly(rig.NOW_NS - 2_000, 0),
            "clock_error_ns": self.either(0, 10**9, 10**9 + 1, -1),
            "taker_fee_e8": self.either(0, 50_000),
            "orders_last_s": self.mostly(0, 5),
            "changes_last_s": self.mostly(0, 5),
            "open_orders": self.mostly(0, 5),
            "may_order": self.mostly(1, 0),
            "has_row": self.mostly(1, 0),
            "has_report_room": self.mostly(1, 0),
            "connected": self.mostly(1, 0),
        }

    def _aim(self) -> None:
        """Give an amend its order, which is among those counted as open."""
        facts, side = self.facts, self.either(*Side)
        lots, filled = self.dice.randint(1, 130), self.upto(60)
        ticks = MARK_TICKS + self.dice.randint(-20_000, 20_000)
        facts |= {
            "target_lots": lots,
            "target_cum_lots": filled,
            "target_ticks": ticks,
            "target_side": side,
            "target_state": self.mostly(OrderState.ACCEPTED, *OrderState),
            "target_type": self.mostly(OrderType.LIMIT, OrderType.STOP_MARKET),
            "target_flags": self.either(0, 0, 0, IntentFlag.REDUCE_ONLY),
            "target_pending": self.mostly(0, 1),
        }
        left = max(0, lots - filled)
        facts["open_buy_lots" if side > 0 else "open_sell_lots"] += left
        facts["bids_e8" if side > 0 else "asks_e8"] += rig.SPEC.value_e8(ticks, left)

    def rulings(self) -> tuple[rig.Ruling, rig.Ruling]:
        """What the gate says, and what the model says."""
        given = self.intent, rig.SPEC, self.risk, self.facts
        return rig.rule(*given), ruling_of(*given)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 48))
def test_the_gate_says_what_the_model_says(seed: int) -> None:
    for number in range(seed, seed + CASES):
        case = Case(number)
        gate, model = case.rulings()
        assert gate == model, (case.intent, case.risk, case.facts)


def test_those_cases_meet_every_refusal_of_the_gate_and_let_many_through() -> None:
    met = Counter(Case(number).rulings()[0].denial for number in range(3_000))
    assert set(Denial) == set(met)
    assert met[Denial.NONE] > 300


@settings(max_examples=300, deadline=None)
@given(
    position=st.integers(-(10**12), 10**12),
    open_lots=st.integers(0, 10**12),
    equity=st.integers(-(10**17), 10**17),
    free=st.integers(-(10**17), 10**17),
    worth=st.integers(0, 1 << 58),
    leverage=st.integers(1, 150),
    most=st.integers(0, 10**17),
    side=st.sampled_from(Side),
)
def test_money_far_beyond_any_account_is_still_told_from_what_is_allowed(
    position: int,
    open_lots: int,
    equity: int,
    free: int,
    worth: int,
    leverage: int,
    most: int,
    side: Side,
) -> None:
    known = {
        **rig.FACTS,
        "position_lots": position,
        "open_buy_lots": open_lots,
        "open_sell_lots": open_lots // 3,
        "equity_e8": equity,
        "free_e8": free,
        "others_e8": worth,
        "leverage": leverage,
    }
    risk = msgspec.structs.replace(
        rig.LIMITS, max_position_e8=10**17, max_notional_e8=most, max_leverage_e2=15_000
    )
    intent = rig.GOOD._replace(side=side)
    told = rig.rule(intent, rig.SPEC, risk, known)
    meant = ruling_of(intent, rig.SPEC, risk, known)
    # What is worth more than can be told apart ties up more than anybody has.
    beyond = rig.SPEC.value_e8(MARK_TICKS, abs(position) + open_lots) >= 1 << 58
    if beyond:
        assert (told.denial is Denial.NONE) <= (meant.denial is Denial.NONE)
    else:
        assert told == meant
