"""Every check of the gate, each with the one thing wrong that it is for."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.events import Action, Denial, IntentFlag, OrderType, Side, TradingState
from hft.state.decision import Limits
from hft.units import E8, nearest_steps

from .rig import NOW_NS, SPEC, Ruling, judge

NO_TOP = {"bid": 0.0, "ask": 0.0, "last": 0.0, "mark": 0.0, "newest_ns": 0}


def test_a_good_intent_passes_as_whole_ticks_and_lots() -> None:
    assert judge() == Ruling(Denial.NONE, 600_000, 10)
    assert judge(order_type=OrderType.MARKET, price=0.0) == Ruling(Denial.NONE, 0, 10)


@pytest.mark.parametrize(
    ("denial", "facts", "intent"),
    [
        (Denial.TRADING_HALTED, {"trading_state": TradingState.HALTED}, {}),
        (Denial.REDUCING_ONLY, {"trading_state": TradingState.REDUCING}, {}),
        (Denial.INTENT_EXPIRED, {}, {"decide_ns": NOW_NS - 500_000_001}),
        (Denial.MALFORMED, {}, {"action": 77}),
        (Denial.MALFORMED, {}, {"side": 0}),
        (Denial.MALFORMED, {}, {"order_type": 9}),
        (Denial.MALFORMED, {}, {"tif": 0}),
        (Denial.MALFORMED, {}, {"qty": math.nan}),
        (Denial.MALFORMED, {}, {"price": math.inf}),
        (Denial.DUPLICATE_INTENT, {"last_seq": 5}, {}),
        (Denial.UNKNOWN_ORDER, {}, {"action": Action.AMEND}),
        (Denial.QUANTITY_NOT_POSITIVE, {}, {"qty": 0.0}),
        (Denial.QUANTITY_NOT_POSITIVE, {}, {"qty": -0.01}),
        (Denial.PRICE_NOT_POSITIVE, {}, {"price": 0.0}),
        (Denial.PRICE_NOT_POSITIVE, {}, {"price": -1.0}),
        (Denial.UNKNOWN_SYMBOL, {}, {"symbol": 1}),
        (Denial.QUANTITY_BELOW_STEP, {}, {"qty": 0.0009}),
        (Denial.QUANTITY_ABOVE_FILTER, {}, {"qty": 1000.001}),
        (Denial.QUANTITY_ABOVE_FILTER, {}, {"qty": 121.0, "order_type": OrderType.MARKET}),
        (Denial.PRICE_OUTSIDE_FILTER, {}, {"price": 500.0}),
        (Denial.PRICE_OUTSIDE_FILTER, {}, {"price": 5_000_000.0}),
        (Denial.NOTIONAL_BELOW_FILTER, {}, {"price": 600.0}),
        (Denial.ORDER_SIZE_ABOVE_LIMIT, {}, {"qty": 0.101}),
        (Denial.POSITION_ABOVE_LIMIT, {"position_lots": 991}, {}),
        (Denial.POSITION_ABOVE_LIMIT, {"open_buy_lots": 991}, {}),
        (Denial.POSITION_ABOVE_LIMIT, {"position_lots": 500, "open_buy_lots": 491}, {}),
        (Denial.POSITION_ABOVE_LIMIT, {"position_lots": -991}, {"side": Side.SELL}),
        (Denial.ORDER_RATE_ABOVE_LIMIT, {"orders_last_s": 10}, {}),
        (Denial.ORDER_TABLE_FULL, {"has_row": False}, {}),
        (Denial.NO_PRICE, NO_TOP, {}),
        (Denial.NO_PRICE, NO_TOP, {"order_type": OrderType.MARKET}),
        (Denial.FEED_STALE, {"newest_ns": NOW_NS - 3_000_000_001}, {}),
        (Denial.REPORTS_BACKED_UP, {"has_report_room": False}, {}),
        (Denial.NOT_CONNECTED, {"connected": False}, {}),
        (Denial.LOSS_LIMIT_REACHED, {"pnl_e8": -1000 * E8}, {}),
    ],
)
def test_each_fault_has_its_name(
    denial: Denial, facts: dict[str, Any], intent: dict[str, Any]
) -> None:
    assert judge(facts, **intent) == Ruling(denial)


def test_reducing_lets_only_smaller_positions_through() -> None:
    reducing = {"trading_state": TradingState.REDUCING, "position_lots": 10}
    assert judge(reducing, side=Side.SELL).denial is Denial.NONE
    assert judge(reducing, side=Side.SELL, qty=0.011).denial is Denial.REDUCING_ONLY
    assert judge(reducing, side=Side.BUY).denial is Denial.REDUCING_ONLY
    in_flight = {**reducing, "open_sell_lots": 1}
    assert judge(in_flight, side=Side.SELL).denial is Denial.REDUCING_ONLY


def test_a_position_above_its_limit_may_get_smaller() -> None:
    too_large = {"position_lots": 5000}
    assert judge(too_large, side=Side.SELL).denial is Denial.NONE
    assert judge(too_large, side=Side.BUY).denial is Denial.POSITION_ABOVE_LIMIT


def test_closing_needs_no_fresh_feed() -> None:
    stale = {"newest_ns": NOW_NS - 10**11, "position_lots": 10}
    assert judge(stale, side=Side.SELL).denial is Denial.NONE


def test_reduce_only_orders_may_be_worth_little() -> None:
    small = {"qty": 0.001, "price": 700.0, "side": Side.SELL}
    assert judge({"position_lots": 5}, **small).denial is Denial.NOTIONAL_BELOW_FILTER
    assert judge({"position_lots": 5}, **small, flags=IntentFlag.REDUCE_ONLY).denial is Denial.NONE


@pytest.mark.parametrize("action", [Action.CANCEL, Action.CANCEL_ALL])
def test_cancels_always_pass(action: Action) -> None:
    worst = {"trading_state": TradingState.HALTED, "connected": False, "has_report_room": False}
    assert judge(worst, action=action, decide_ns=1).denial is Denial.NONE


def test_quantities_worked_out_in_floats_are_not_short_of_a_lot() -> None:
    assert judge(qty=0.1 + 0.2 - 0.27).qty_lots == 30  # 0.030000000000000027
    assert judge(qty=0.7 - 0.6).qty_lots == 100  # 0.09999999999999998
    assert judge(price=59_999.7 + 0.3).price_ticks == 600_000


FREE = msgspec.structs.replace(
    SPEC, min_lots=1, max_lots=2**62, min_ticks=1, max_ticks=2**62, min_notional_e8=0, unit_e8=0
)
WIDE = Limits(0, 0, 2**62, 2**62, 10, 500_000_000, 3_000_000_000)


@given(
    whole=st.integers(0, 10**7),
    fraction=st.integers(0, 10**8 - 1),
    step_e8=st.sampled_from([1, 10, 1000, 100_000, 10_000_000, 50_000_000, E8]),
)
def test_numbers_written_as_decimals_become_the_steps_of_their_text(
    whole: int, fraction: int, step_e8: int
) -> None:
    value = float(f"{whole}.{fraction:08d}")
    spec = msgspec.structs.replace(FREE, tick_e8=step_e8, lot_e8=step_e8)
    exact = whole * E8 + fraction
    ruling = judge(None, spec, WIDE, price=value, qty=value)
    if exact < step_e8:
        assert ruling.denial in (Denial.QUANTITY_BELOW_STEP, Denial.QUANTITY_NOT_POSITIVE)
        return
    assert ruling == Ruling(Denial.NONE, nearest_steps(value, step_e8), exact // step_e8)


@pytest.mark.parametrize("amount", [9.1e10, 1e18, 1e300])
def test_amounts_beyond_64_bits_are_outside_the_filters(amount: float) -> None:
    assert judge(qty=amount).denial is Denial.QUANTITY_ABOVE_FILTER
    assert judge(price=amount).denial is Denial.PRICE_OUTSIDE_FILTER


@pytest.mark.parametrize("qty", [50_000_000.0, 123_456_789.1, 9_007_199_254.3])
def test_a_large_quantity_is_not_a_lot_short(qty: float) -> None:
    tenth = msgspec.structs.replace(FREE, lot_e8=E8 // 10)
    ruling = judge(None, tenth, WIDE, qty=qty)
    assert ruling.qty_lots == round(qty * 10)


@given(
    position=st.integers(-3000, 3000),
    buys=st.integers(0, 2000),
    sells=st.integers(0, 2000),
    lots=st.integers(1, 100),
    side=st.sampled_from([Side.BUY, Side.SELL]),
    state=st.sampled_from([TradingState.ACTIVE, TradingState.REDUCING]),
)
def test_whatever_fills_no_passed_order_leads_beyond_the_limit(
    position: int, buys: int, sells: int, lots: int, side: Side, state: TradingState
) -> None:
    facts = {
        "position_lots": position,
        "open_buy_lots": buys,
        "open_sell_lots": sells,
        "trading_state": state,
    }
    ruling = judge(facts, qty=lots / 1000, side=side)
    if ruling.denial is not Denial.NONE:
        return
    assert ruling.qty_lots == lots
    in_flight = buys if side > 0 else sells
    worst = position + side * (lots + in_flight)
    assert abs(worst) <= max(1000, abs(position))
    if state is TradingState.REDUCING:
        assert abs(worst) < abs(position)
        assert worst * position >= 0
