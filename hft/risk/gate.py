"""The risk gate: what an intent passes before it is an order.

First whether orders may leave at all, then whether the intent's words make sense; its price and
quantity become whole ticks and lots, and `hft.risk.checks` judges those.  What only makes a
position smaller passes where nothing may be entered: in REDUCING, at a limit, without a fresh feed.
It then leaves as reduce-only, so that the venue guarantees what our books say.

Cancels pass whatever the trading state: a halt must never trap an order.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cfunc, types

from hft.events import (
    INTENT,
    Action,
    Denial,
    IntentFlag,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from hft.risk.breaker import breach
from hft.risk.checks import (
    Asked,
    check_collar,
    check_entry,
    check_filters,
    check_market,
    check_means,
    check_trigger,
    has_changed_too_often,
)
from hft.state.blocks import LIMITS, SPEC
from hft.state.decision import FACTS, RULING, GateRow, Limits, Measures, Trip
from hft.state.steps import nearest_ticks, whole_lots
from ringbuf.addressed import array_at
from ringbuf.compiled import compiled, merged

Record = Any
"""One record of an array, its fields as attributes."""
Records = Any
Int = int | np.int64

# Rows and fields as plain numbers: compiled code takes them for constants.
_INTENT, _SPECS, _LIMITS = int(GateRow.INTENT), int(GateRow.SPECS), int(GateRow.LIMITS)
_FACTS, _RULING = int(GateRow.FACTS), int(GateRow.RULING)
_NEVER_ADDS = int(IntentFlag.REDUCE_ONLY | IntentFlag.CLOSE_POSITION)


class Gate:
    """The one way an intent becomes an order.

    `address` is a C function ``int64 (int64)``: given the address of a table of `GateRow` it leaves
    the denial in RULING and, with a pass, the order's whole ticks and lots.
    """

    def __init__(self) -> None:
        self.address = int(entry().address)

    def breach(self, measured: Measures, limits: Limits) -> Trip | None:
        """Say which breaker trips, see `hft.risk.breaker`."""
        return breach(measured, limits)


@functools.cache
def entry() -> Any:
    """Compile the gate as a C function, or load it; whoever has its address keeps this."""
    return cfunc(types.int64(types.int64), cache=True)(_enter)


def _enter(table: int) -> int:
    return rule(table)


@compiled
def rule(table: int) -> int:
    """Judge one intent, see `Gate`."""
    intent = array_at(table, _INTENT, INTENT)[0]
    specs = array_at(table, _SPECS, SPEC)
    limits = array_at(table, _LIMITS, LIMITS)[0]
    facts = array_at(table, _FACTS, FACTS)[0]
    ruling = array_at(table, _RULING, RULING)[0]
    # Should anything below fail, nobody up there would hear of it but by this.
    ruling.denial = Denial.MALFORMED
    if intent.action == Action.CANCEL or intent.action == Action.CANCEL_ALL:
        denial = _check_cancel(limits, facts)
    else:
        denial = _check_moment(intent, limits, facts)
        if denial == Denial.NONE:
            denial = _check_words(intent, facts)
        if denial == Denial.NONE:
            spec = specs[intent.symbol]
            denial = _check_order(_ask(intent, spec, facts), spec, limits, facts, ruling)
    ruling.denial = denial
    return int(ruling.denial)


@merged
def _check_cancel(limits: Record, facts: Record) -> Denial:
    """Cancels are counted only while orders may be entered: a halt must never trap one."""
    if facts.trading_state == TradingState.ACTIVE and has_changed_too_often(limits, facts):
        return Denial.CANCEL_RATE_ABOVE_LIMIT
    return Denial.NONE


@merged
def _check_moment(intent: Record, limits: Record, facts: Record) -> Denial:
    if facts.trading_state == TradingState.HALTED:
        return Denial.TRADING_HALTED
    if facts.now_ns - intent.decide_ns > limits.intent_expiry_ns:
        return Denial.INTENT_EXPIRED
    return Denial.NONE


@merged
def _check_words(intent: Record, facts: Record) -> Denial:
    is_amend = intent.action == Action.AMEND
    is_limit = is_amend or intent.order_type == OrderType.LIMIT
    closes = not is_amend and intent.flags & IntentFlag.CLOSE_POSITION != 0
    known = (
        (is_amend or _is_placement(intent))
        and math.isfinite(intent.qty)
        and math.isfinite(intent.price)
    )
    if not known:
        return Denial.MALFORMED
    # A sequence used twice would give two orders one name.
    if np.int64(intent.seq) <= facts.last_seq:
        return Denial.DUPLICATE_INTENT
    if closes and intent.qty != 0.0:
        return Denial.MALFORMED  # How much it closes, the venue finds out (-4137).
    if intent.qty <= 0.0 and not closes:
        return Denial.QUANTITY_NOT_POSITIVE
    needs_price = is_limit or intent.order_type != OrderType.MARKET
    if intent.price < 0.0 or (needs_price and intent.price == 0.0):
        return Denial.PRICE_NOT_POSITIVE
    if intent.symbol >= facts.symbol_count:
        return Denial.UNKNOWN_SYMBOL
    return _check_target(facts) if is_amend else Denial.NONE


@merged
def _is_placement(intent: Record) -> bool:
    kind = intent.order_type
    is_stop = kind == OrderType.STOP_MARKET or kind == OrderType.TAKE_PROFIT_MARKET
    is_limit = kind == OrderType.LIMIT
    return bool(
        intent.action == Action.PLACE
        and (intent.side == Side.BUY or intent.side == Side.SELL)
        and (is_limit or is_stop or kind == OrderType.MARKET)
        and (TimeInForce.GTC <= intent.tif <= TimeInForce.GTX or not is_limit)
        and (is_stop or intent.flags & IntentFlag.CLOSE_POSITION == 0)
    )


@merged
def _check_target(facts: Record) -> Denial:
    """An amend needs an open limit order whose last word from the venue is in."""
    state = facts.target_state
    if state == OrderState.SENT or facts.target_pending != 0:
        return Denial.AMEND_PENDING
    if state != OrderState.ACCEPTED and state != OrderState.PARTIALLY_FILLED:
        return Denial.UNKNOWN_ORDER
    if facts.target_type != OrderType.LIMIT:
        return Denial.NOT_SUPPORTED
    return Denial.NONE


@merged
def _ask(intent: Record, spec: Record, facts: Record) -> Asked:
    """Say in whole numbers what would stand at the venue."""
    is_amend = intent.action == Action.AMEND
    kind = facts.target_type if is_amend else np.int64(intent.order_type)
    side = facts.target_side if is_amend else np.int64(intent.side)
    flags = facts.target_flags if is_amend else np.int64(intent.flags)
    ticks: Int = np.int64(0)
    lots: Int = np.int64(0)
    if kind != OrderType.MARKET:
        ticks = nearest_ticks(intent.price, spec.tick_e8)
    if flags & IntentFlag.CLOSE_POSITION == 0:
        lots = whole_lots(intent.qty, spec.lot_e8)
    open_lots = facts.open_buy_lots if side > 0 else facts.open_sell_lots
    reducing_lots = facts.reducing_buy_lots if side > 0 else facts.reducing_sell_lots
    left, left_before, adds = lots, np.int64(0), flags & _NEVER_ADDS == 0
    if is_amend:
        # What is filled of it is in the position already, and what is left is counted as open.
        left = max(np.int64(0), lots - facts.target_cum_lots)
        left_before = max(np.int64(0), facts.target_lots - facts.target_cum_lots)
        if adds:
            open_lots -= left_before
    return Asked(
        is_amend, kind, side, flags, ticks, lots, left, left_before, open_lots, reducing_lots, adds
    )


@merged
def _only_reduces(asked: Asked, facts: Record) -> bool:
    """Even with all that may add on its side filled, the position gets smaller, never flips.

    The venue cuts it, as one that is reduce-only, to what the others of those leave.  An amend
    cannot make a reduce-only order of one that is none.
    """
    held = -facts.position_lots * asked.side
    if held <= 0:
        return False
    if not asked.adds:
        return True
    fits = asked.lots + asked.open_lots <= held
    return bool(fits and not asked.is_amend)


@merged
def _check_order(
    asked: Asked, spec: Record, limits: Record, facts: Record, ruling: Record
) -> Denial:
    """Judge the order itself, and keep its whole numbers."""
    ruling.price_ticks, ruling.qty_lots = asked.ticks, asked.lots
    ruling.reduce_only = 1 if asked.flags & IntentFlag.REDUCE_ONLY != 0 else 0
    reduces = _only_reduces(asked, facts)
    if facts.trading_state == TradingState.REDUCING:
        if not reduces:
            return Denial.REDUCING_ONLY
        _send_reducing(asked, ruling)
    denial = check_filters(asked, spec, facts, ruling.reduce_only != 0)
    if denial == Denial.NONE:
        denial = check_means(asked, spec, limits, facts)
    if denial == Denial.NONE:
        denial = check_market(facts)
    if denial == Denial.NONE:
        denial = check_trigger(asked, spec, facts)
    if denial == Denial.NONE:
        denial = check_collar(asked, spec, limits, facts, reduces)
    if denial != Denial.NONE:
        return denial
    denial = check_entry(asked, spec, limits, facts)
    if denial != Denial.NONE and reduces:
        _send_reducing(asked, ruling)
        return Denial.NONE
    return denial


@merged
def _send_reducing(asked: Asked, ruling: Record) -> None:
    """Let the venue guarantee it; an order that closes the position needs no such word."""
    if asked.flags & IntentFlag.CLOSE_POSITION == 0:
        ruling.reduce_only = 1
