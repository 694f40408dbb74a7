"""The risk gate: every check an intent passes before it is an order.

The checks come in the order of `Denial`, but for REDUCING_ONLY, which must know the lots first.
Cancels always pass: a halt must never trap an order.  What only makes a position smaller passes
where a position is too large already or the feed is stale.
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
    LatchReason,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from hft.risk.breaker import breach
from hft.state.blocks import LIMITS, SPEC
from hft.state.decision import FACTS, RULING, GateRow, Limits
from hft.units import E8
from ringbuf.addressed import array_at
from ringbuf.compiled import compiled, merged

Record = Any
"""One record of an array, its fields as attributes."""
Records = Any
Int = int | np.int64

_LARGEST = 4.5e10
"""Above this twice a price or quantity in units of 1e-8 leaves 64 bits; no filter lets it pass."""
_FLOAT_STEPS = 51
"""An amount of 2**51 units is not told from its neighbour by a float64."""

# Rows and fields as plain numbers: compiled code takes them for constants.
_INTENT, _SPECS, _LIMITS = int(GateRow.INTENT), int(GateRow.SPECS), int(GateRow.LIMITS)
_FACTS, _RULING = int(GateRow.FACTS), int(GateRow.RULING)


class Gate:
    """The one way an intent becomes an order.

    `address` is a C function ``int64 (int64)``: given the address of a table of `GateRow` it leaves
    the denial in RULING and, with a pass, the order's whole ticks and lots.
    """

    def __init__(self) -> None:
        self.address = int(entry().address)

    def breach(self, pnl_e8: int, limits: Limits) -> LatchReason:
        """Say which limit on the session's profit and loss is reached."""
        return breach(pnl_e8, limits)


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
    denial = Denial.NONE
    if intent.action != Action.CANCEL and intent.action != Action.CANCEL_ALL:
        denial = _check_placement(intent, specs, limits, facts, ruling)
    ruling.denial = denial
    return int(ruling.denial)


@merged
def _check_placement(
    intent: Record, specs: Records, limits: Record, facts: Record, ruling: Record
) -> Denial:
    """Judge an intent to place an order."""
    denial = _check_moment(intent, limits, facts)
    if denial == Denial.NONE:
        denial = _check_words(intent, facts)
    if denial == Denial.NONE:
        denial = _check_order(intent, specs[intent.symbol], limits, facts, ruling)
    return denial


@merged
def _check_order(
    intent: Record, spec: Record, limits: Record, facts: Record, ruling: Record
) -> Denial:
    """Judge what the order would be, and keep its whole numbers."""
    lots = _whole_lots(intent.qty, spec.lot_e8)
    ticks: Int = 0
    if intent.order_type == OrderType.LIMIT:
        ticks = _nearest_ticks(intent.price, spec.tick_e8)
    ruling.price_ticks, ruling.qty_lots = ticks, lots
    if facts.trading_state == TradingState.REDUCING and not _only_reduces(intent, lots, facts):
        return Denial.REDUCING_ONLY
    denial = _check_filters(spec, ticks, lots, intent, facts)
    if denial == Denial.NONE:
        denial = _check_size(spec, lots, intent, limits, facts)
    if denial == Denial.NONE:
        denial = _check_means(limits, facts)
    if denial == Denial.NONE:
        denial = _check_market(intent, lots, limits, facts)
    return denial


@merged
def _units(value: float) -> Int:
    """Round a float of up to `_LARGEST` to units of 1e-8: the decimal that was meant.

    The float is the nearest to some decimal text.  Whole part and fraction are exact, and so is
    their rounding while the float itself tells neighbouring units apart.
    """
    whole = np.int64(value)
    return whole * E8 + np.int64(np.rint((value - whole) * E8))


@merged
def _nearest_ticks(price: float, tick_e8: int) -> Int:
    """Round a price to the nearest tick, half up; beyond every filter when it is too large."""
    if price > _LARGEST:
        return np.int64(1) << 62
    return (2 * _units(price) + tick_e8) // (2 * tick_e8)


@merged
def _whole_lots(qty: float, lot_e8: int) -> Int:
    """Round a quantity down to whole lots; a float's own error short of a lot is that lot."""
    if qty > _LARGEST:
        return np.int64(1) << 62
    units = _units(qty)
    nearest = (2 * units + lot_e8) // (2 * lot_e8)
    error = units >> _FLOAT_STEPS
    return nearest if -error <= nearest * lot_e8 - units <= error else units // lot_e8


@merged
def _check_moment(intent: Record, limits: Record, facts: Record) -> Denial:
    if facts.trading_state == TradingState.HALTED:
        return Denial.TRADING_HALTED
    if facts.now_ns - intent.decide_ns > limits.intent_expiry_ns:
        return Denial.INTENT_EXPIRED
    return Denial.NONE


@merged
def _check_words(intent: Record, facts: Record) -> Denial:
    if intent.action == Action.AMEND:
        return Denial.NOT_SUPPORTED
    is_limit = intent.order_type == OrderType.LIMIT
    known = (
        intent.action == Action.PLACE
        and (intent.side == Side.BUY or intent.side == Side.SELL)
        and (is_limit or intent.order_type == OrderType.MARKET)
        and (TimeInForce.GTC <= intent.tif <= TimeInForce.GTX or not is_limit)
        and math.isfinite(intent.qty)
        and math.isfinite(intent.price)
        # A sequence used twice would give two orders one name.
        and np.int64(intent.seq) > facts.last_seq
    )
    if not known:
        return Denial.MALFORMED
    if intent.qty <= 0.0:
        return Denial.QUANTITY_NOT_POSITIVE
    if intent.price < 0.0 or (is_limit and intent.price == 0.0):
        return Denial.PRICE_NOT_POSITIVE
    if intent.symbol >= facts.symbol_count:
        return Denial.UNKNOWN_SYMBOL
    return Denial.NONE


@merged
def _only_reduces(intent: Record, lots: Int, facts: Record) -> bool:
    """Even with everything in flight on its side filled, the position gets smaller, never flips."""
    if facts.position_lots * intent.side >= 0:
        return False
    same_side = facts.open_buy_lots if intent.side > 0 else facts.open_sell_lots
    return bool(lots + same_side <= abs(facts.position_lots))


@merged
def _check_filters(spec: Record, ticks: Int, lots: Int, intent: Record, facts: Record) -> Denial:
    is_limit = intent.order_type == OrderType.LIMIT
    if lots < max(1, spec.min_lots):
        return Denial.QUANTITY_BELOW_STEP
    if lots > (spec.max_lots if is_limit else spec.market_max_lots):
        return Denial.QUANTITY_ABOVE_FILTER
    if is_limit and (ticks < max(1, spec.min_ticks) or ticks > spec.max_ticks):
        return Denial.PRICE_OUTSIDE_FILTER
    if intent.flags & IntentFlag.REDUCE_ONLY:
        return Denial.NONE
    if not is_limit:
        # The venue values a market order at the mark; before the first one, NO_PRICE follows.
        price = facts.mark if facts.mark > 0.0 else facts.last
        # Lots times the dearest price fit 64 bits, by the filters' own bounds.
        ticks = min(_nearest_ticks(price, spec.tick_e8), spec.max_ticks)
        if ticks <= 0:
            return Denial.NONE
    if ticks * lots * spec.unit_e8 < spec.min_notional_e8:
        return Denial.NOTIONAL_BELOW_FILTER
    return Denial.NONE


@merged
def _check_size(spec: Record, lots: Int, intent: Record, limits: Record, facts: Record) -> Denial:
    if lots > limits.max_order_size_e8 // spec.lot_e8:
        return Denial.ORDER_SIZE_ABOVE_LIMIT
    in_flight = facts.open_buy_lots if intent.side > 0 else facts.open_sell_lots
    worst_lots = facts.position_lots * intent.side + in_flight + lots
    too_large = worst_lots > limits.max_position_e8 // spec.lot_e8
    if too_large and not _only_reduces(intent, lots, facts):
        return Denial.POSITION_ABOVE_LIMIT
    return Denial.NONE


@merged
def _check_means(limits: Record, facts: Record) -> Denial:
    if facts.orders_last_s >= limits.max_orders_per_s:
        return Denial.ORDER_RATE_ABOVE_LIMIT
    if facts.has_row == 0:
        return Denial.ORDER_TABLE_FULL
    return Denial.NONE


@merged
def _check_market(intent: Record, lots: Int, limits: Record, facts: Record) -> Denial:
    if facts.newest_ns == 0 or not (facts.bid > 0.0 and facts.ask > 0.0):
        return Denial.NO_PRICE
    is_stale = facts.now_ns - facts.newest_ns > limits.feed_stale_ns
    if is_stale and not _only_reduces(intent, lots, facts):
        return Denial.FEED_STALE
    if facts.has_report_room == 0:
        return Denial.REPORTS_BACKED_UP
    if facts.connected == 0:
        return Denial.NOT_CONNECTED
    if limits.max_loss_e8 != 0 and facts.pnl_e8 <= -limits.max_loss_e8:
        return Denial.LOSS_LIMIT_REACHED
    return Denial.NONE
